// N: who can be reached. Whether a connection arrived is said by the listener outside or the gateway's record, not by
// what the job sees: inside, the gateway accepts before it resets.
import { enosys, eperm, type Probe, refused, unreached, without } from './probe.ts'

export const networkProbes: readonly Probe[] = [
  {
    id: 'N01',
    threats: ['T-11'],
    tries: "a service on the host's loopback",
    program: "greet4('127.0.0.1', $PORT{loopback})",
    judge: unreached('loopback'),
    positive: { accepted: 'loopback' },
  },
  {
    id: 'N02',
    threats: ['T-11'],
    tries: 'an abstract Unix socket of the host',
    program: 'greet("abstract", PF_UNIX, SOCK_STREAM, pack_sockaddr_un("\\0$ABSTRACT"))',
    judge: unreached('abstract'),
    positive: { accepted: 'abstract' },
  },
  {
    id: 'N03',
    threats: ['T-12'],
    tries: 'the metadata service',
    program: "greet4('169.254.169.254', $PORT{metadata})",
    judge: unreached('metadata'),
    positive: { accepted: 'metadata' },
  },
  {
    id: 'N04',
    threats: ['T-13', 'T-12'],
    tries: 'addresses that no list names',
    program: "greet4($_, $PORT{outside}) for '198.51.100.7', '10.11.12.13', '192.168.1.1'",
    judge: unreached('outside'),
    positive: { accepted: 'outside' },
  },
  {
    id: 'N05',
    threats: ['T-13'],
    tries: 'resolve an unlisted name, here and at foreign resolvers',
    program: `my $question = dns_question("x$NONCE.mayfly-probe.example", 1);
my @named = map { /^nameserver\\s+([\\d.]+)$/ } lines_of('/etc/resolv.conf');
for my $resolver (@named, @RESOLVERS, '8.8.8.8') { socket(my $s, PF_INET, SOCK_DGRAM, 0) or die $!;
  my $to = pack_sockaddr_in(53, inet_aton($resolver)); my $r = ''; vec($r, fileno $s, 1) = 1;
  if (!connect($s, $to) || !defined send($s, $question, 0) || !select($r, undef, undef, 1)) { see($resolver, 'silent'); next }
  my $n = sysread($s, my $reply, 512); see($resolver, !defined $n ? 'errno ' . ($! + 0) : 'rcode ' . (ord(substr $reply, 3, 1) & 15)) }`,
    // 3: there is no such name, said without asking; 5: refused.
    judge: without(/^rcode (?![35]$)/),
    positive: ['8.8.8.8: rcode 0'],
  },
  {
    id: 'N06',
    threats: ['T-11', 'T-12'],
    tries: "the host's own addresses, bridges and user-mode gateways",
    program: `see('done', 'errno 0'); my @way = map { /^\\S+\\t00000000\\t(\\w{8})/ ? join('.', reverse map { hex } $1 =~ /../g) : () } lines_of('/proc/net/route');
greet4($_, $PORT{bridge}) for @way, (grep { !/:/ } @ADDRESSES), '172.17.0.1', '10.0.2.2'`,
    judge: unreached('bridge'),
    positive: { accepted: 'bridge' },
  },
  {
    id: 'N07',
    threats: ['T-11', 'T-13'],
    tries: 'the host over IPv6',
    program: "greet6($_, $PORT{loopback6}) for '::1', '::ffff:127.0.0.1', 'fe80::1', grep { /:/ } @ADDRESSES",
    judge: unreached('loopback6'),
    positive: { accepted: 'loopback6' },
  },
  {
    id: 'N08',
    threats: ['T-15'],
    tries: 'set flags of an interface',
    // To what they are: without effect when it succeeds.
    program: `socket(my $s, PF_INET, SOCK_DGRAM, 0) or die $!; for my $name ('lo', 'eth0') { my $request = pack('a16s', $name, 0) . "\\0" x 22;
  ioctl($s, 0x8913, $request) or do { $! == 19 and next; die "flags: $!" }; see($name, outcome(ioctl($s, 0x8914, $request) ? 0 : -1)) }`,
    judge: refused(eperm, enosys),
    positive: ['lo: ok 0'],
  },
  {
    id: 'N12',
    threats: ['T-15'],
    tries: "change the own address or route, speak from another's address",
    // Requests that the kernel would refuse for their content after it has asked for the capability; nothing is changed.
    program: `socket(my $s, PF_INET, SOCK_DGRAM, 0) or die $!; my $odd = pack('a16SS', 'lo', 99, 0) . "\\0" x 20; my $route = "\\0" x 120;
see('address', outcome(ioctl($s, 0x8916, $odd) ? 0 : -1)); see('route', outcome(ioctl($s, 0x890b, $route) ? 0 : -1));
socket(my $link, 16, SOCK_RAW, 0) or die $!; syswrite($link, pack('LSSLL', 24, 20, 5, 1, 0) . pack('CCCCL', 2, 30, 0, 0, 0)); my $n = sysread($link, my $reply, 512);
see('netlink', defined $n && $n >= 20 ? 'errno ' . -unpack('l', substr $reply, 16, 4) : 'errno ' . ($! + 0));
see('transparent', outcome(setsockopt($s, 0, 19, pack('l', 1)) ? 0 : -1));
my ($gateway) = map { /^nameserver\\s+([\\d.]+)$/ } lines_of('/etc/resolv.conf');
for my $other (map { "10.255.$_.2" } 0 .. 7) { my $question = dns_question("spoof-$NONCE.mayfly-probe.example", 1);
  socket(my $u, PF_INET, SOCK_DGRAM, 0) or die $!; setsockopt($u, 0, 15, pack('l', 1)); bind($u, pack_sockaddr_in(0, inet_aton($other))) or next;
  next if !defined $gateway || own_address() eq $other; send($u, $question, 0, pack_sockaddr_in(53, inet_aton($gateway))) }`,
    judge: (seen) => {
      const spoofed = seen.records.find((record) => record.host.startsWith('spoof-'))
      return spoofed === undefined ? refused(eperm, enosys)(seen) : `a name was asked as ${spoofed.cell}`
    },
    positive: ['address: errno 22'],
  },
  {
    id: 'N16',
    threats: ['T-13'],
    tries: 'UDP and literal addresses in odd notations',
    program: `for my $to ('198.51.100.7', '8.8.8.8') { socket(my $s, PF_INET, SOCK_DGRAM, 0) or die $!; my $r = ''; vec($r, fileno $s, 1) = 1;
  if (!connect($s, pack_sockaddr_in(443, inet_aton($to))) || !defined send($s, 'x', 0) || !select($r, undef, undef, 1)) { see($to, 'silent'); next }
  my $n = sysread($s, my $reply, 64); see($to, defined $n ? 'bytes' : 'errno ' . ($! + 0)) }
greet4($_, $PORT{notation}) for '2130706433', '0x7f000001', '0177.0.0.1', '127.1'`,
    judge: unreached('notation'),
    positive: ['8.8.8.8: bytes'],
  },
]
