# SPDX-License-Identifier: Apache-2.0
# fish completion of yett: `yett complete` says what may come next.

function __yett_complete
    set -l words (commandline -opc)
    set -l word (commandline -ct)
    for line in ($words[1] complete -- $words[2..-1] "$word" 2>/dev/null)
        switch $line
            case :files :folders
                set -l before (string match -r -- '^--[^=]*=' $word)
                set -l typed (string replace -r -- '^--[^=]*=' '' $word)
                for path in (if test $line = :files; __fish_complete_path $typed; else; __fish_complete_directories $typed; end)
                    echo "$before$path"
                end
            case '*'
                echo $line
        end
    end
end

complete -c yett -f -a '(__yett_complete)'
