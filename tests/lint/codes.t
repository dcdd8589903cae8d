#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# The table of diagnostic codes (compiler/base/codes.c) against the sources, the manual and the tests.
use strict;
use warnings;

sub slurp {
	my $file = shift;
	open my $in, '<', $file or die "$file: $!\n";
	local $/;
	return scalar <$in>;
}

my (@rows, %row, @wrong);
for my $text (slurp('compiler/base/codes.c') =~ /^\t\{ (\.code = .*?) \},\n/msg) {
	my ($code) = $text =~ /\A\.code = "([EW]_[A-Z][A-Z0-9_]+)"/ or push @wrong, "not a code: " . substr($text, 0, 40);
	next unless $code;
	push @wrong, "$code stands twice" if $row{$code}++;
	push @rows, $code;
	for my $field (qw(group title about bad good)) {
		push @wrong, "$code has no $field" unless $text =~ /\.$field = (?:CODES_|"[^"]|[A-Z][A-Z_]+ )/;
	}
	push @wrong, "$code: its title ends in a full stop" if $text =~ /\.title = (?:"[^\n]*\n\s*)*"[^\n]*\.",\n\s*\.about/;
}

# Where each code is used: a string of its own, or a word in a longer one.
my %used;
for my $file (sort split /\n/, `find compiler schema reconciler -name '*.[ch]'`) {
	next if $file eq 'compiler/base/codes.c';
	my $text = slurp($file);
	$used{$2} //= $file while $text =~ /(["\s\[])([EW]_[A-Z][A-Z0-9_]+)\b/g;
}
my @missing = map { "$_ ($used{$_})" } grep { !$row{$_} } sort keys %used;
my @gone = grep { !$used{$_} } @rows;

# A golden case that expects it, or a test that names it.
my %tested;
my @tests = sort split /\n/, `find tests -type f \\( -path 'tests/golden/*/expected' -o -name '*.bats' -o -name '*.t' -o -name '*.c' -o -name 'MANIFEST*' \\)`;
for my $file (@tests) {
	my $text = slurp($file);
	$tested{$1} = 1 while $text =~ /\b([EW]_[A-Z][A-Z0-9_]+)\b/g;
}
my @untested = grep { !$tested{$_} } @rows;

print "1..4\n";
my $bad = 0;
sub result {
	my ($n, $name, @lines) = @_;
	print @lines ? 'not ' : '', "ok $n - $name\n";
	print "# $_\n" for @lines;
	$bad = 1 if @lines;
}
result(1, 'the table of codes is whole', @rows ? @wrong : 'no rows were found');
result(2, 'every diagnostic code of the sources is in the table', @missing);
result(3, 'the table has no code that nothing uses', @gone);
result(4, 'every code has a golden case or a test that names it', @untested);
exit $bad;
