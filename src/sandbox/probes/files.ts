// F: the host's files, mounts and processes' files.
import { workPlaces } from '../jailer/cell-options.ts'
import { enosys, eperm, failed, type Probe, refused, unseen, without } from './probe.ts'

export const fileProbes: readonly Probe[] = [
  {
    id: 'F01',
    threats: ['T-01'],
    tries: "read the runner's and vault's state directories",
    program: 'read_some($_, 256) for @STATE',
    judge: unseen,
    positive: ['/var/lib/x: bytes PLANTED'],
  },
  {
    id: 'F02',
    threats: ['T-01'],
    tries: "read planted files in /etc, /opt, /home, /srv and among the user's own",
    program: 'read_some($_, 256) for grep { !m{^/(tmp|var/tmp|dev/shm)/} } @CANARIES',
    judge: unseen,
    positive: ['/etc/x: bytes PLANTED'],
  },
  {
    id: 'F03',
    threats: ['T-01'],
    tries: "read the host's /etc/shadow",
    program: 'read_some("/etc/shadow", 4096)',
    // The job's own file may exist; with no copy of the host's to compare, a password hash says it is the host's.
    judge: ({ lines, shadow }) =>
      lines.find((line) => (shadow === null ? /bytes .*:\$\w+\$/.test(line) : line.includes(shadow))) ?? null,
    positive: ['/etc/shadow: bytes root:$y$j9T$abc:1::'],
  },
  {
    id: 'F04',
    threats: ['T-01', 'T-03'],
    tries: 'reach a planted file through /proc/*/root and cwd',
    program: `for my $process (1, 'self', getppid) { for my $way ('root', 'cwd') { for my $path (@CANARIES) {
  read_some("/proc/$process/$way/../../../../../..$path", 256) } } }`,
    judge: unseen,
    positive: ['/proc/1/root/../etc/x: bytes PLANTED'],
  },
  {
    id: 'F05',
    threats: ['T-11'],
    tries: "connect to engines' sockets and our own",
    program: `for my $path ('/var/run/docker.sock', '/run/containerd/containerd.sock', '/run/podman/podman.sock', '/run/crio/crio.sock', @SOCKETS) {
  socket(my $s, PF_UNIX, SOCK_STREAM, 0) or die $!; see($path, connect($s, pack_sockaddr_un($path)) ? 'connected' : 'errno ' . ($! + 0)) }`,
    judge: failed,
    positive: ['/var/run/docker.sock: connected'],
  },
  {
    id: 'F06',
    threats: ['T-02', 'T-20'],
    tries: 'create files in /usr, /etc, /lib, /boot, /opt',
    program: `for my $dir ('/', '/usr', '/usr/bin', '/etc', '/lib', '/boot', '/opt') { my $path = "$ROOT$dir/.probe-$NONCE";
  see($dir, sysopen(my $file, $path, O_WRONLY | O_CREAT | O_EXCL) ? 'created' : 'errno ' . ($! + 0)); unlink $path }`,
    judge: failed,
    positive: ['/usr: created'],
  },
  {
    id: 'F07',
    threats: ['T-08'],
    tries: 'make a block device and read it',
    program: `my $dir = scratch(); for my $device (0x800, 0xfe00, 0x10300) { my $path = "$dir/$device";
  call('mknodat', -100, $path, 0060600, $device); -e $path and read_some($path, 1) }`,
    judge: failed,
    positive: ['mknodat: errno 1', '/tmp/d: bytes x'],
  },
  {
    id: 'F08',
    threats: ['T-01'],
    tries: 'open the root inode by handle',
    program: `opendir(my $d, '/') or die $!; my $handle = pack('Ll', 8, 1) . pack('LL', 2, 0); sysopen(my $f, '/', O_RDONLY) or die $!;
call('open_by_handle_at', fileno $f, $handle, O_RDONLY)`,
    judge: refused(eperm, enosys),
    positive: ['open_by_handle_at: errno 116'],
  },
  {
    id: 'F09',
    threats: ['T-08', 'T-01'],
    tries: 'read kernel memory and the disks',
    program: "read_some($_, 1) for '/dev/mem', '/dev/kmem', '/dev/port', '/proc/kcore', '/dev/kvm', @DISKS",
    judge: failed,
    positive: ['/proc/kcore: bytes \\x7f'],
  },
  {
    id: 'F10',
    threats: ['T-02', 'T-07'],
    tries: 'mount a tmpfs and a bind on an own directory',
    program: `my $dir = scratch(); my ($type, $none) = ('tmpfs', 'none'); call('mount', $none, $dir, $type, 0, 0); call('mount', $dir, $dir, $none, 4096, 0)`,
    judge: failed,
    positive: ['mount: ok 0'],
  },
  {
    id: 'F11',
    threats: ['T-09'],
    tries: 'unmount the masks of /proc',
    program:
      "for my $path ('/proc/keys', '/proc/kallsyms', '/proc/interrupts') { my $p = $path; call('umount2', $p, 0) }",
    judge: failed,
    positive: ['umount2: ok 0'],
  },
  {
    id: 'F12',
    threats: ['T-02', 'T-20'],
    tries: 'remount / and /usr writable',
    program:
      "for my $path ('/', '/usr') { my ($p, $none) = ($path, 'none'); call('mount', $none, $p, $none, 0x1020, 0) }",
    judge: failed,
    positive: ['mount: ok 0'],
  },
  {
    id: 'F13',
    threats: ['T-01'],
    tries: 'leave by chroot and cwd',
    program: `my $dir = scratch(); see('chroot', chroot($dir) ? 'ok' : 'errno ' . ($! + 0)); chdir '..' for 1 .. 32;
read_some(substr($_, 1), 256) for @CANARIES`,
    judge: unseen,
    positive: ['etc/x: bytes PLANTED'],
  },
  {
    id: 'F14',
    threats: ['T-06'],
    tries: 'find NoNewPrivs off',
    program:
      "open(my $f, '<', '/proc/self/status') or die $!; /^(NoNewPrivs|Seccomp):\\s*(\\d+)/ and see($1, $2) while <$f>",
    judge: ({ lines }) =>
      lines.includes('NoNewPrivs: 1') && lines.includes('Seccomp: 2') ? null : `without protection: ${lines}`,
    positive: ['NoNewPrivs: 0', 'Seccomp: 2'],
  },
  {
    id: 'F15',
    threats: ['T-02', 'T-03'],
    tries: 'open the program of any process for writing',
    program: "write_open(map { \"$_/exe\" } glob('/proc/[0-9]*')); write_open('/proc/self/exe')",
    judge: failed,
    positive: ['/proc/1/exe: opened'],
  },
  {
    id: 'F16',
    threats: ['T-10', 'T-01'],
    tries: 'use inherited descriptors',
    // The step's own script may be open: the interpreter reads it.
    program: `see('descriptor', $_) for grep { !m{^\\d+ (/proc/\\d+/fd|/run/mayfly/)} } @INHERITED; see('listed', 'errno 0');
for my $fd (0 .. 2, map { /^(\\d+)/ } @INHERITED) { read_some("/proc/self/fd/$fd/../../../../../..$_", 256) for @CANARIES }`,
    judge: (seen) => unseen(seen) ?? seen.lines.find((line) => line.startsWith('descriptor: ')) ?? null,
    positive: ['descriptor: 251 /root'],
  },
  {
    id: 'F17',
    threats: ['T-01', 'T-03'],
    tries: "read host processes' environment and arguments",
    program: `for my $process (glob('/proc/[0-9]*')) { for my $name ('environ', 'cmdline') { open(my $f, '<', "$process/$name") or next;
  local $/; my $text = <$f> // ''; see("$process/$name", "marker $1") if $text =~ /(\\Q$MARKER\\E\\w+)/ } } see('done', 'errno 0')`,
    judge: unseen,
    positive: ['/proc/7/environ: marker PLANTED'],
  },
  {
    id: 'F18',
    threats: ['T-04', 'T-20'],
    tries: "find others' files in tmp, shm, home",
    program: `read_some($_, 256) for grep { m{^/(tmp|var/tmp|dev/shm)/} } @CANARIES;
for my $dir ('/tmp', '/var/tmp', '/dev/shm', $ENV{HOME} // '/') { opendir(my $d, $dir) or next; see($dir, "name $_") for grep { /mayfly-canary/ } readdir $d }`,
    judge: (seen) => unseen(seen) ?? without(/^name /)(seen),
    positive: ['/tmp: name mayfly-canary-1'],
  },
  {
    id: 'F19',
    threats: ['T-05', 'T-01'],
    tries: "find a step's secret in PID 1's memory, arguments and environment, and host paths in the latter",
    // A job may read the memory of its own cell's PID 1, a process of the same user. What it was built from, the path
    // of its own nest, is in there, as in the mount table.
    program: `no warnings 'portable'; my $look = sub { my ($what, $text) = @_; see($what, 'secret') if $SECRET ne '' && index($text, $SECRET) >= 0 };
for my $name ('environ', 'cmdline') { open(my $f, '<', "/proc/1/$name") or next; local $/; my $text = <$f> // ''; $look->($name, $text);
  see($name, "path $1") if $text =~ m{(/run/mayfly[^/\\0]*/nest[^\\0]*|/var/lib/mayfly[^\\0]*)} }
if (sysopen(my $memory, '/proc/1/mem', O_RDONLY)) { for (lines_of('/proc/1/maps')) { /^(\\w+)-(\\w+) r/ && !/\\[v/ or next;
  my ($from, $size) = (hex $1, hex($2) - hex $1); sysseek($memory, $from, 0) && sysread($memory, my $bytes, $size) or next; $look->('memory', $bytes) } }
see('done', 'errno 0')`,
    judge: without(/^(secret|path)/),
    positive: ['memory: secret'],
  },
  {
    id: 'F20',
    threats: ['T-01', 'T-02'],
    tries: "write through PID 1's root, cwd and descriptors",
    // Named pipes are the step's own output.
    program: `for my $way ('root', 'cwd') { for my $dir ('etc', 'usr', '..') { my $path = "/proc/1/$way/$dir/.probe-$NONCE";
  see($path, sysopen(my $f, $path, O_WRONLY | O_CREAT | O_EXCL) ? 'created' : 'errno ' . ($! + 0)); unlink $path } }
for my $fd (glob('/proc/1/fd/*')) { my $to = readlink $fd; next if !defined $to || $to !~ m{^/} || $to eq '/dev/null' || -p $fd; write_open($fd) }`,
    judge: failed,
    positive: ['/proc/1/root/etc/.probe: created'],
  },
  {
    id: 'F21',
    threats: ['T-02', 'T-20'],
    tries: 'write to what jobs share: every mount, mapped files, hard links, renames',
    // Renamed is only a file of our own, made first; a link that could be made is taken away again.
    program: `write_open('/usr/bin/perl', '/usr/bin/id', '/usr/lib/os-release', '/etc/passwd', '/etc/ld.so.cache');
for my $mount (map { (split)[4] } lines_of('/proc/self/mountinfo')) { next if $mount =~ m{^/(proc|tmp|var/tmp|run/lock|home/ci|run/mayfly|run/steps|${workPlaces.join('|')}|dev/[a-z]+)(/|$)};
  if (-d "$ROOT$mount") { my $path = "$ROOT$mount/.probe-$NONCE"; see($mount, sysopen(my $f, $path, O_WRONLY | O_CREAT | O_EXCL) ? 'created' : 'errno ' . ($! + 0)); unlink $path }
  else { write_open($mount) } }
write_open(glob '/proc/self/map_files/*'); my $dir = scratch(); open(my $own, '>', "$dir/own") or die $!; close $own;
for my $file ('/usr/bin/id', '/etc/passwd') { my ($from, $to) = ("$ROOT$file", "$dir/link"); see("link $file", link($from, $to) ? 'made' : 'errno ' . ($! + 0)); unlink $to }
for my $to ("$ROOT/usr/bin/.probe-$NONCE", "$ROOT/etc/.probe-$NONCE") { see("rename $to", rename("$dir/own", $to) ? 'made' : 'errno ' . ($! + 0)); unlink $to }`,
    judge: failed,
    positive: ['/usr/bin/id: opened'],
  },
  {
    id: 'F22',
    threats: ['T-06'],
    tries: 'gain a uid through a set-uid copy',
    program: `my $dir = scratch(); my $copy = "$dir/id"; open(my $in, '<', '/usr/bin/id') or die $!; open(my $out, '>', $copy) or die $!;
{ local $/; print $out scalar <$in>; } close $out; chmod 06755, $copy; my $said = qx{$copy -u 2>&1}; chomp $said;
see('effective', $said eq "$<" ? 'same' : "other $said"); unlink $copy`,
    judge: without(/^other/),
    positive: ['effective: other 0'],
  },
  {
    id: 'F23',
    threats: ['T-01', 'T-04'],
    tries: "see another nest's path in the mount table",
    program: `open(my $f, '<', '/proc/self/mountinfo') or die $!; my %nests; m{/nest/([a-z2-7]{8})} and $nests{$1} = 1 while <$f>; see('nests', 'count ' . keys %nests)`,
    judge: without(/^count ([2-9]|\d\d)/),
    positive: ['nests: count 2'],
  },
]
