// Puts the probes into one Perl program: a guard, the words that probes are written in, and a child process per probe
// with a deadline. Perl because every Debian-like image has it and it can make any system call; only core functions,
// Fcntl and Socket are used.
import { numbersOf, type SeccompArch } from '../policy/seccomp.ts'
import type { ListenerName, Probe } from './probe.ts'

/** What the programs have to know of the host: places and names, never the planted values themselves. */
export type ProbeTargets = {
  /** `pid:[…]` and `user:[…]` of the host, for the guard. */
  readonly hostNamespaces: readonly [pid: string, user: string]
  readonly hostPid: number
  /** Files that hold a planted value. */
  readonly canaries: readonly string[]
  /** Those of them that lie in the state directories of this installation, wherever the operator keeps them. */
  readonly stateCanaries: readonly string[]
  /** The first half of the marker in a host process' environment and arguments; the probe never holds it whole. */
  readonly markerHead: string
  readonly sockets: readonly string[]
  readonly disks: readonly string[]
  readonly addresses: readonly string[]
  readonly resolvers: readonly string[]
  readonly ports: Readonly<Record<Exclude<ListenerName, 'abstract'>, number>>
  readonly abstractName: string
  readonly nonce: string
  /** Put before absolute paths that are opened for writing; empty but in calibration, where a planted tree is there. */
  readonly plantedRoot: string
}

export type ProgramBounds = {
  /** Each probe ends within this. */
  readonly seconds: number
  /** What earlier acts of a scene said. */
  readonly before: readonly string[]
}

const alone: ProgramBounds = { seconds: 6, before: [] }
export const guardExit = 99

export const buildProgram = (
  probes: readonly Probe[],
  targets: ProbeTargets,
  arch: SeccompArch,
  { seconds, before }: ProgramBounds = alone,
): string =>
  [
    guard,
    `my %NR = (${Object.entries(numbersOf(arch)).map(([name, number]) => `${name}=>${number}`)});`,
    `my @CANARIES = ${list(targets.canaries)}; my @STATE = ${list(targets.stateCanaries)};`,
    `my @SOCKETS = ${list(targets.sockets)}; my $SECRET = $ENV{MAYFLY_PROBE_SECRET} // '';`,
    `my @DISKS = ${list(targets.disks)}; my @ADDRESSES = ${list(targets.addresses)};`,
    `my @RESOLVERS = ${list(targets.resolvers)}; my $HOST_PID = ${targets.hostPid};`,
    `my $MARKER = ${quote(targets.markerHead)}; my $NONCE = ${quote(targets.nonce)};`,
    `my $ABSTRACT = ${quote(targets.abstractName)}; my $ROOT = ${quote(targets.plantedRoot)};`,
    `my %PORT = (${Object.entries(targets.ports).map(([name, port]) => `${name}=>${port}`)});`,
    `my $SECONDS = ${seconds}; my @BEFORE = ${list(before)};`,
    words,
    ...probes.map(({ id, program }) => `probe('${id}', sub {\n${program}\n});`),
    '',
  ].join('\n')

const quote = (text: string): string => `'${text.replace(/[\\']/g, '\\$&')}'`
const list = (texts: readonly string[]): string => `(${texts.map(quote)})`

/** Refuses to run anywhere but in a sandbox: both namespaces must be known and other than the host's. */
const guard = `
use strict; use warnings; use Fcntl; use Socket qw(:DEFAULT inet_pton pack_sockaddr_in6);
$| = 1;
my ($pid_ns, $user_ns) = split / /, $ENV{MAYFLY_HOST_NS} // '';
my ($own_pid, $own_user) = (readlink('/proc/self/ns/pid') // '', readlink('/proc/self/ns/user') // '');
exit ${guardExit} unless $pid_ns && $user_ns && $own_pid && $own_user && $pid_ns ne $own_pid && $user_ns ne $own_user;
opendir(my $descriptors, '/proc/self/fd') or die $!;
my @INHERITED = map { "$_ " . (readlink("/proc/self/fd/$_") // 'gone') } grep { /^\\d+$/ && $_ > 2 } readdir $descriptors;
closedir $descriptors;
`

const words = `
my $probe = ''; $SIG{PIPE} = 'IGNORE';
sub see { my ($what, $value) = @_; s/([^\\x20-\\x7e])/sprintf '\\\\x%02x', ord $1/ge for $what, $value; print "$probe\\t$what: $value\\n" }
sub outcome { my ($result) = @_; $result == -1 ? 'errno ' . ($! + 0) : "ok $result" }
sub call { my ($name, @args) = @_; see($name, defined $NR{$name} ? outcome(syscall($NR{$name}, @args)) : 'errno 38') }
sub write_open { for my $path (@_) { see($path, sysopen(my $file, "$ROOT$path", O_WRONLY) ? 'opened' : 'errno ' . ($! + 0)) } }
sub read_some { my ($path, $size) = @_; sysopen(my $file, $path, O_RDONLY | O_NONBLOCK) or return see($path, 'errno ' . ($! + 0));
  my $n = sysread($file, my $bytes, $size); see($path, defined $n ? ($n ? "bytes $bytes" : 'errno 0') : 'errno ' . ($! + 0)) }
sub lines_of { open(my $file, '<', $_[0]) or return (); return <$file> }
sub ready { see('ready', 'errno 0') }
sub before { my ($label) = @_; return map { /^\\Q$label\\E: (.*)/ ? $1 : () } @BEFORE }
sub scratch { for my $n (0 .. 99) { my $path = "/tmp/probe-$NONCE-$$-$n"; return $path if mkdir $path } die "scratch: $!" }
sub greet { my ($what, $domain, $type, $address) = @_; socket(my $s, $domain, $type, 0) or return see($what, 'errno ' . ($! + 0));
  local $SIG{ALRM} = sub { die "late\\n" }; my $said = eval { alarm 2;
    connect($s, $address) or die 'errno ' . ($! + 0) . "\\n"; syswrite($s, "GET / HTTP/1.0\\r\\n\\r\\n"); my $n = sysread($s, my $bytes, 64);
    defined $n ? ($n ? "bytes $bytes" : 'closed') : 'errno ' . ($! + 0) }; chomp(my $why = $@); alarm $SECONDS; see($what, $said // $why) }
sub greet4 { my ($host, $port) = @_; greet("$host $port", PF_INET, SOCK_STREAM, pack_sockaddr_in($port, inet_aton($host))) }
sub sweep { my ($wait, @targets) = @_; while (my @some = splice @targets, 0, 300) { my %open; my $w = '';
  for (@some) { my ($host, $port) = @$_; socket(my $s, PF_INET, SOCK_STREAM | 04000, 0) or die $!; connect($s, pack_sockaddr_in($port, inet_aton($host))) || $! == 115 or next; $open{fileno $s} = [$s, "$host:$port"]; vec($w, fileno $s, 1) = 1 }
  for (1 .. 20) { last unless %open; my $ready = $w; select(undef, $ready, undef, $wait) > 0 or last; for my $fd (keys %open) { vec($ready, $fd, 1) or next; my ($s, $to) = @{delete $open{$fd}}; vec($w, $fd, 1) = 0; getpeername($s) or next;
    my $r = ''; vec($r, $fd, 1) = 1; my $said = ''; sysread($s, $said, 128) if select($r, undef, undef, 1) > 0; see($to, "connected $said") } } } }
sub greet6 { my ($host, $port) = @_; greet("$host $port", PF_INET6, SOCK_STREAM, pack_sockaddr_in6($port, inet_pton(PF_INET6, $host))) }
sub dns_question { my ($name, $type) = @_; return pack('n6', 7, 256, 1, 0, 0, 0) . join('', map { chr(length) . $_ } split /\\./, $name) . pack('xnn', $type, 1) }
sub own_address { socket(my $s, PF_INET, SOCK_DGRAM, 0) or die $!; my $r = pack('a16x24', 'eth0'); return ioctl($s, 0x8915, $r) ? inet_ntoa(substr $r, 20, 4) : '' }
sub probe { my ($id, $body) = @_; $probe = $id; my $pid = fork; die "fork: $!" unless defined $pid;
  if (!$pid) { alarm $SECONDS; $SIG{__WARN__} = sub { see('warned', $_[0]) }; eval { $body->(); 1 } or see('died', $@); print "$id\\tend\\n"; exit 0 }
  waitpid $pid, 0; print "$id\\tsignal: ", $? & 127, "\\n" if $? & 127 }
`
