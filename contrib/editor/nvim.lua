-- SPDX-License-Identifier: Apache-2.0
-- Neovim 0.8 or later: YAML below a folder that holds yett.schema.json is completed and checked by its schema, and laid out
-- by `yett fmt` when it is saved. In the policy tree: yett schema >yett.schema.json. In init.lua: dofile("/path/to/nvim.lua")

local group = vim.api.nvim_create_augroup("yett", {})

local function find_root(file)
  local found = vim.fs.find("yett.schema.json", { upward = true, path = vim.fs.dirname(file) })
  return found[1] and vim.fs.dirname(found[1])
end

vim.api.nvim_create_autocmd("FileType", {
  group = group,
  pattern = "yaml",
  callback = function(event)
    local root = find_root(vim.api.nvim_buf_get_name(event.buf))
    if not root then
      return
    end
    vim.bo[event.buf].shiftwidth = 2
    vim.bo[event.buf].expandtab = true
    vim.lsp.start({
      name = "yaml-language-server",
      cmd = { "yaml-language-server", "--stdio" },
      root_dir = root,
      settings = {
        yaml = {
          schemas = { [vim.uri_from_fname(root .. "/yett.schema.json")] = { "*.yaml", "*.yml", "!.*" } },
          schemaStore = { enable = false, url = "" },
          format = { enable = false },
        },
      },
    })
  end,
})

vim.api.nvim_create_autocmd("BufWritePost", {
  group = group,
  pattern = { "*.yaml", "*.yml" },
  callback = function(event)
    if find_root(event.match) and vim.fn.executable("yett") == 1 then
      vim.fn.system({ "yett", "fmt", "--quiet", event.match })
      vim.cmd("checktime " .. event.buf)
    end
  end,
})
