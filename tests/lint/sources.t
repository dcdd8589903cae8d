#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Banned functions and licence lines; codes.t has the diagnostics' codes.
use strict;
use warnings;

# Each with what to use instead.
my %banned = (
	strcpy => 'buf or arena_strdup', strcat => 'buf', strncat => 'buf', strncpy => 'buf', sprintf => 'snprintf', vsprintf => 'vsnprintf',
	gets => 'getline', atoi => 'strtoll with its end', atol => 'strtoll with its end', atof => 'strtod with its end', alloca => 'the arena',
	strtok => 'strcspn', system => 'nothing: no shell', popen => 'nothing: no shell', setlocale => 'nothing: no locale may show',
	localtime => 'clock.h', localtime_r => 'clock.h', mktime => 'clock.h', ctime => 'clock.h', tmpnam => 'mkdtemp', mktemp => 'mkdtemp',
);
my $banned = join '|', sort keys %banned;
my (@wrong, @licence);

sub code_only { # without comments, strings keep their quotes, lines keep their numbers
	my $text = shift;
	$text =~ s{(/\*.*?\*/)|("(?:[^"\\\n]|\\.)*")|('(?:[^'\\\n]|\\.)*')}{
		defined $1 ? ($1 =~ s/[^\n]//gr) : defined $2 ? '""' : "'x'"}gesx;
	return $text;
}

my @c = sort split /\n/, `find compiler schema reconciler tests -name '*.[ch]'`;
for my $file (@c) {
	open my $in, '<', $file or die "$file: $!\n";
	my $text = do { local $/; <$in> };
	push @licence, $file unless $text =~ m{\A/\* SPDX-License-Identifier: Apache-2\.0 \*/\n};
	if ($file !~ m{^tests/}) {
		my $n = 0;
		for my $line (split /\n/, code_only($text)) {
			$n++;
			while ($line =~ /(?<![\w.>])($banned)\s*\(/g) {
				push @wrong, "$file:$n: $1() is banned: use $banned{$1}";
			}
		}
	}
}
my @scripts = sort split /\n/, `git ls-files -co --exclude-standard -- Makefile contrib tests .ci 2>/dev/null || find Makefile contrib tests .ci -type f`;
for my $file (@scripts) {
	next if $file =~ m{\.[ch]$} || !-f $file || $file =~ m{^tests/(golden|replay|fuzz)/.*/};
	open my $in, '<', $file or die "$file: $!\n";
	my $head = join '', map { $_ // '' } scalar <$in>, scalar <$in>;
	next unless $head =~ /^#!/ || $file eq 'Makefile';
	push @licence, $file unless $head =~ /SPDX-License-Identifier: Apache-2\.0/;
}

print "1..2\n";
my $bad = 0;
sub result {
	my ($n, $name, @lines) = @_;
	print @lines ? 'not ' : '', "ok $n - $name\n";
	print "# $_\n" for @lines;
	$bad = 1 if @lines;
}
result(1, 'no banned function', @wrong);
result(2, 'every source and script begins with its licence', @licence);
exit $bad;
