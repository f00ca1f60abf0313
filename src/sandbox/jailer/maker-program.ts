// Text of the maker: the one program of ours that makes namespaces, mounts and cells, because Node has no call for them and
// a tool for each (unshare, mount, cp, setpriv, nsenter) costs more than all the calls together (decision 0014). It reads
// only what the jailer writes. Perl, of which every Debian has the part used here: no module but `strict`.

/** Numbers of the calls Perl has no word for, by Node's name of the processor. */
const calls: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  x64: {
    ...{ close: 3, dup3: 292, mknodat: 259, mount: 165, prctl: 157, prlimit64: 302, setgroups: 116 },
    ...{ setns: 308, setresgid: 119, setresuid: 117, unshare: 272 },
  },
  arm64: {
    ...{ close: 57, dup3: 24, mknodat: 33, mount: 40, prctl: 167, prlimit64: 261, setgroups: 159 },
    ...{ setns: 268, setresgid: 149, setresuid: 147, unshare: 97 },
  },
}

/** What the process of a nest calls itself, with the nest's id. */
export const anchorName = 'mayfly-nest'

/** Arguments: the socket to say everything on, then name and number of each call. */
export const makerArguments = (socket: string): readonly string[] => [
  ...['-e', makerProgram, socket],
  ...Object.entries(calls[process.arch] ?? {}).flatMap(([name, number]) => [name, String(number)]),
]

/**
 * On stdin first what every nest begins with, a line each, up to "serve"; then one id per nest. Each id becomes a process of
 * its own, the nest's anchor, with a line to the jailer: it says its id and its number, obeys orders one by one, and ends
 * with the line, which ends its cells. An order is a verb, or a verb with a block of "name value" lines up to "end"; the
 * answer is "ok …" or "no" and why. Of itself it says "started CELL PID" and "exit CELL CODE RAN".
 */
const makerProgram = String.raw`
use strict;
my ($place, %call) = @ARGV;
my ($line, $rest, %nest, %cells, @held, @skeleton) = (undef, '');
# Without root there is one user: who runs us, his jobs, and whoever they are in the namespace we are in.
my $root = $> == 0;

# What is text goes as a pointer, what is a number as one.
sub kernel {
  my ($name, @with) = @_;
  my $said = syscall($call{$name} + 0, @with);
  die "$name: $!\n" if $said == -1;
  return $said;
}

sub say_line { my $text = "$_[0]\n"; syswrite($line, $text) }
sub take_line { return $rest =~ s/\A([^\n]*)\n// ? $1 : undef }
sub hear { return sysread($line, $rest, 65536, length $rest) }
sub next_line {
  my $said;
  until (defined($said = take_line())) { hear() or exit 0 }
  return $said;
}
sub read_block {
  my %of;
  while ((my $said = next_line()) ne 'end') {
    my ($name, $value) = split / /, $said, 2;
    push @{$of{$name}}, $value;
  }
  return \%of;
}

sub make_place {
  my $path = '';
  for (split m{/}, $_[0]) { $path .= $path eq '' ? $_ : "/$_"; -d $path or mkdir $path or die "mkdir $path: $!\n" }
}
sub make_directory {
  my ($path, $mode) = @_;
  mkdir $path or die "mkdir $path: $!\n";
  chmod oct $mode, $path or die "chmod $path: $!\n" if $mode ne '755';
}
sub make_fifos {
  umask 0;
  for my $set (@_) { kernel('mknodat', -100, "$set/$_", 010666, 0) for qw(pro in out err) }
  umask 022;
}
# Bind, then once more: a new bind takes no other flags. 0x1027: of the bind alone, read-only, no set-uid, no devices.
# Without root a tree goes with all mounts in it or not at all: cells make them read-only once more, each.
sub bind_read_only {
  my ($from, $at) = @_;
  kernel('mount', $from, $at, 0, $root ? 0x1000 : 0x5000, 0);
  kernel('mount', 'none', $at, 0, 0x1027, 0);
}
# A program that is given $input; the answer waits for its end.
sub start_tool {
  my ($input, @command) = @_;
  pipe(my $in, my $to) and pipe(my $from, my $out) or die "pipe: $!\n";
  defined(my $pid = fork) or die "fork: $!\n";
  if ($pid == 0) {
    open STDIN, '<&', $in;
    open STDOUT, '>&', $out;
    open STDERR, '>&', $out;
    exec { $command[0] } @command or exit 127;
  }
  close $_ for $in, $out;
  syswrite $to, $input;
  close $to;
  return sub {
    my $said = join '', <$from>;
    waitpid $pid, 0;
    die "$command[0]: $said\n" if $?;
  };
}
sub write_to {
  my ($path, $text) = @_;
  open my $file, '>', $path or die "$path: $!\n";
  defined(syswrite $file, $text) or die "$path: $!\n";
}

# The nest: 1 namespaces 2 network, beside it 3 ramdisk 4 tree 5 binds 6 job cell.
sub build {
  my ($of) = @_;
  my $orders = $of->{ip};
  %nest = (uid => $of->{uid}[0] + 0, fds => $of->{fds}[0] + 0, enter => $of->{enter}, filter => $of->{filter}[0]);
  @nest{qw(directory tmpfs)} = ($of->{directory}[0], $of->{tmpfs}[0]);
  my $linked = sub { };
  kernel('unshare', 0x20000 | ($orders ? 0x40000000 : 0));
  kernel('mount', 'none', '/', 0, 0x44000, 0);
  if ($orders) {
    write_to('/proc/sys/net/ipv6/conf/default/disable_ipv6', 1);
    write_to('/proc/sys/net/ipv4/ip_unprivileged_port_start', 0);
    $linked = start_tool(join("\n", @$orders, ''), 'ip', '-batch', '-');
  }
  kernel('mount', $of->{name}[0], $nest{directory}, 'tmpfs', 6, $nest{tmpfs});
  chdir $nest{directory} or die "chdir: $!\n";
  for (@skeleton) {
    my ($kind, $name, $with) = @$_;
    if ($kind eq 'dir') { make_directory($name, $with) }
    elsif ($kind eq 'own') { make_directory($name, $with); !$root or chown $nest{uid}, $nest{uid}, $name or die "chown: $!\n" }
    elsif ($kind eq 'link') { symlink $with, $name or die "symlink: $!\n" }
    else { make_fifos($name) }
  }
  for (@{$of->{bind}}) {
    my ($from, $at) = split /\t/;
    make_place("root/$at");
    bind_read_only($from, "root/$at");
  }
  # Until the jailer has its ends, somebody must hold both.
  for (qw(in out)) { sysopen my $fifo, "sets/job/0/$_", 0x802 or die "$_: $!\n"; push @held, $fifo }
  start_cell($of);
  $linked->();
  return '';
}

# Above all numbers that a cell is given.
sub lift { return fcntl($_[0], 1030, 20) || die "dup: $!\n" }

sub start_cell {
  my ($of) = @_;
  my ($number, $blocked) = ($of->{cell}[0], $of->{blocked});
  my $options = join '', map { "$_\0" } @{$of->{option}};
  die "too many options\n" if length $options > 60000;
  pipe(my $read, my $write) and pipe(my $status, my $tell) and pipe(my $wait, my $go) or die "pipe: $!\n";
  syswrite $write, $options;
  close $write;
  defined(my $pid = fork) or die "fork: $!\n";
  if ($pid == 0) {
    eval { become_cell($of, $read, $tell, $blocked ? $wait : undef) };
    syswrite $tell, "! $@";
    kill 9, $$;
  }
  my ($set) = $of->{out}[0] =~ m{(.*)/};
  $cells{$number} = { number => $number, pid => $pid, status => $status, go => $go, said => '', set => $set };
}

# 1 groups 2 descriptors 3 network 4 no longer root 5 bubblewrap.
sub become_cell {
  my ($of, $options, $status, $wait) = @_;
  write_to($_, 0) for @{$nest{enter}};
  kernel('prlimit64', 0, 7, pack('QQ', $nest{fds} < 1024 ? $nest{fds} : 1024, $nest{fds}), 0);
  if (my $net = $of->{net}) {
    open my $namespace, '<', $net->[0] or die "network: $!\n";
    kernel('setns', fileno $namespace, 0x40000000);
  }
  open my $filter, '<', $nest{filter} or die "filter: $!\n";
  my @given = map { lift($_) } $options, $filter, $status, $wait ? $wait : ();
  my ($in, $out, $err) = map { $_->[0] } @$of{qw(in out err)};
  # Somebody must hold the other side for a moment, or opening would wait for it.
  sysopen my $holder, $in, 0x802 or die "in: $!\n";
  open STDIN, '<', $in or die "in: $!\n";
  open STDOUT, '>', $out or die "out: $!\n";
  open STDERR, '>', $err or die "err: $!\n";
  kernel('dup3', $given[$_] + 0, 3 + $_, 0) for 0 .. $#given;
  chdir '/';
  if ($root) {
    kernel('setgroups', 0, 0);
    kernel('setresgid', ($nest{uid}) x 3);
    kernel('setresuid', ($nest{uid}) x 3);
  }
  # All capabilities over the namespace we are in end with the next program.
  else { kernel('prctl', 47, 4, 0, 0, 0) }
  exec 'bwrap', '--args', '3', '--', @{$of->{word}} or die "bwrap: $!\n";
}

# Of a cell whose bwrap was killed and so could not say it: whoever lets a cell go has written its prologue, all of which
# is read when its command begins. The number asks how many bytes a FIFO holds, which the jailer keeps for it so long.
sub has_begun {
  my ($cell) = @_;
  sysopen my $prologue, "$cell->{set}/pro", 0x800 or return 1;
  my $left = pack 'i', 0;
  return ioctl($prologue, 0x541b, $left) && unpack('i', $left) == 0;
}

# What lost its parent is given to us, as the kernel was told in anchor: the first process of a cell whose bwrap was killed
# before that had bound the one's end to the other's.
sub end_adopted {
  my %own = map { $_->{pid} => 1 } values %cells;
  open my $children, '<', "/proc/$$/task/$$/children" or return;
  for (grep { !$own{$_} } split ' ', <$children> // '') { kill 9, $_; waitpid $_, 1 }
}

# bwrap's own report: who is the cell's first process, and at the end a code if the command was ever started.
sub hear_cell {
  my ($cell) = @_;
  my $got = sysread $cell->{status}, $cell->{said}, 4096, length $cell->{said};
  if (!$cell->{started} && $cell->{said} =~ /"child-pid": (\d+).*\}/s) {
    $cell->{started} = 1;
    say_line("started $cell->{number} $1");
  }
  return if $got;
  waitpid $cell->{pid}, 0;
  my $code = $? & 127 ? '-' : $? >> 8;
  my $ran = $cell->{said} =~ /"exit-code"/ || $code eq '-' && $cell->{let} && has_begun($cell) ? 1 : 0;
  delete $cells{$cell->{number}};
  my ($why) = $cell->{said} =~ /! ([^\n]*)/;
  say_line("exit $cell->{number} $code $ran " . ($why || ''));
  end_adopted();
}

my %obey = (
  build => sub { build(read_block()) },
  cell => sub { start_cell(read_block()); '' },
  held => sub { close $_ for splice @held; '' },
  go => sub { my $cell = $cells{$_[0]}; $cell->{let} = syswrite $cell->{go}, "\n" if $cell; '' },
  kill => sub { my $cell = $cells{$_[0]}; kill 9, $cell->{pid} if $cell; '' },
  size => sub {
    my %new = (size => $_[0], nr_inodes => $_[1]);
    $nest{tmpfs} =~ s/\b(size|nr_inodes)=\d+/$1=$new{$1}/g;
    kernel('mount', 'none', $nest{directory}, 0, 0x26, $nest{tmpfs});
    '';
  },
  fifos => sub { make_fifos(map { split / / } @_); '' },
  source => sub {
    my ($name, $at, $from) = @_;
    make_place($_) for "src/$name", "root/$at";
    bind_read_only($from, "src/$name");
    '';
  },
  drop => sub { my $name = $_[0]; start_tool('', 'rm', '-rf', '--', map { "$_/$name" } qw(sets cells steps))->(); '' },
);

sub obey_line {
  my ($verb, @with) = split / /, $_[0], 4;
  my $answer = eval { ($obey{$verb} || die "no such order\n")->(@with) };
  my $why = $@;
  $why =~ s/\s+/ /g;
  say_line(defined $answer ? "ok $answer" : "no $why");
}

sub anchor {
  my ($id) = @_;
  $0 = "${anchorName} $id";
  $SIG{CHLD} = 'DEFAULT';
  # A cell that is gone by the time its order comes: no end of ours. Not ignored, which every cell would inherit.
  $SIG{PIPE} = sub { };
  kernel('prctl', 36, 1, 0, 0, 0);
  open STDIN, '<', '/dev/null';
  socket($line, 1, 1, 0) && connect($line, pack('S a*', 1, "$place\0")) or exit 1;
  say_line("$id $$");
  while (1) {
    while (defined(my $said = take_line())) { obey_line($said) }
    my $ready = '';
    vec($ready, fileno $_, 1) = 1 for $line, map { $_->{status} } values %cells;
    select($ready, undef, undef, undef);
    for (values %cells) { hear_cell($_) if vec($ready, fileno $_->{status}, 1) }
    last if vec($ready, fileno $line, 1) && !hear();
  }
  kill 9, $_->{pid} for values %cells;
  waitpid $_->{pid}, 0 for values %cells;
  %cells = ();
  end_adopted();
}

$0 = 'mayfly-maker';
umask 022;
# What the jailer was born with and did not close yet would go on into every cell (probe F16).
opendir my $descriptors, '/proc/self/fd' or die "descriptors: $!\n";
for (grep { /^\d+$/ && $_ > 2 } readdir $descriptors) { syscall($call{close} + 0, $_ + 0) if $_ != fileno $descriptors }
closedir $descriptors;
while (<STDIN>) {
  chomp;
  last if $_ eq 'serve';
  push @skeleton, [split / /];
}
# What becomes of cells whose anchor is gone is buried here; with the next nest what ends in the moment before a read, where
# Perl keeps the signal. Waited for one by one: whose end nobody asks for is counted nowhere.
$SIG{CHLD} = sub { 1 while waitpid(-1, 1) > 0 };
kernel('prctl', 36, 1, 0, 0, 0);
while (<STDIN>) {
  chomp;
  my $pid = fork;
  next if !defined $pid || $pid;
  anchor($_);
  # Nothing to flush, and Perl would first take itself apart.
  kill 9, $$;
}
`
