#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Includes point one way; access is evaluated from classes and never from policies.
use strict;
use warnings;

# What each folder may include besides itself. Nothing here names reconciler/ but reconciler/.
my @line = qw(base schema source yaml model resolve access plan emit);
my %may;
for my $i (0 .. $#line) {
	$may{$line[$i]} = {map { $_ => 1 } @line[0 .. $i]};
}
$may{fmt} = {map { $_ => 1 } qw(base schema yaml fmt)};
$may{import} = {map { $_ => 1 } qw(base schema source resolve import)};
$may{trust} = {map { $_ => 1 } qw(base yaml source trust)};
$may{lint} = {map { $_ => 1 } @line, 'lint'};
$may{compile} = {map { $_ => 1 } @line, 'compile'};
$may{log} = {map { $_ => 1 } @line, qw(compile trust log)};
$may{release} = {map { $_ => 1 } @line, qw(compile trust log release)};
$may{cmd} = {map { $_ => 1 } @line, qw(lint compile cmd trust fmt log import release)};
$may{reconciler} = {map { $_ => 1 } qw(base schema yaml source trust release plan emit compile reconciler)};

sub layer_of { # a path from the root
	my $path = shift;
	return 'schema' if $path =~ m{^schema/};
	return 'reconciler' if $path =~ m{^reconciler/};
	return $1 if $path =~ m{^compiler/([a-z]+)/};
	return 'compile' if $path =~ m{^compiler/compile(_base)?\.[ch]$};
	return 'cmd' if $path =~ m{^compiler/};
	return undef;
}

sub find_included {
	my ($from, $name) = @_;
	my ($dir) = $from =~ m{^(.*)/};
	for my $candidate ("$dir/$name", "compiler/$name", "schema/$name", "reconciler/$name") {
		return $candidate if -f $candidate;
	}
	return undef;
}

my @files = sort split /\n/, `find compiler schema reconciler -name '*.[ch]'`;
my (@wrong, @policy);
for my $file (@files) {
	open my $in, '<', $file or die "$file: $!\n";
	while (my $text = <$in>) {
		push @policy, "$file:$.: $text" if $file =~ m{^compiler/access/(eval|diff|moments)[a-z_]*\.c$} && $text =~ /\b(r_policy|struct policy)\b/;
		next unless $text =~ /^\s*#\s*include\s+"([^"]+)"/;
		my $target = find_included($file, $1) or next;
		my ($from, $to) = (layer_of($file), layer_of($target));
		next if $may{$from} && $may{$from}{$to};
		push @wrong, "$file:$.: $from may not include \"$1\" ($to)";
	}
}

print "1..2\n";
print @wrong ? 'not ' : '', "ok 1 - includes point one way in ", scalar @files, " files\n";
print "# $_\n" for @wrong;
print @policy ? 'not ' : '', "ok 2 - access is evaluated, compared and dated from classes alone\n";
print "# $_" for @policy;
exit(@wrong || @policy ? 1 : 0);
