// S: system calls and socket families that a job has no use for. Arguments are such that the kernel would refuse them
// after its permission check: another errno than the profile's says that the call was reachable.
import { enosys, eperm, esrch, failed, type Judge, type Probe, refused } from './probe.ts'

const denied = refused(eperm, enosys)

const call = (
  id: string,
  tries: string,
  program: string,
  judge: Judge = denied,
  positive = 'x: errno 22',
): Probe => ({
  id,
  threats: ['T-07'],
  tries,
  program,
  judge,
  positive: [positive],
})

const socket = (id: string, name: string, family: number, type: number, protocol: number): Probe =>
  call(id, `${name} socket`, `call('socket', ${family}, ${type}, ${protocol})`, denied, 'socket: ok 5')

export const syscallProbes: readonly Probe[] = [
  call('S01', 'unshare a user namespace', "call('unshare', 0x10000000)", denied, 'unshare: ok 0'),
  call('S02', 'unshare a mount namespace', "call('unshare', 0x20000)", denied, 'unshare: ok 0'),
  {
    ...call(
      'S03',
      'join namespaces of PID 1 and of a host process',
      `see('done', 'errno 1'); for my $process (1, $HOST_PID, getppid) { for my $kind ('mnt', 'pid', 'net', 'user') { sysopen(my $f, "/proc/$process/ns/$kind", O_RDONLY) or next;
  call('setns', fileno $f, 0) } }`,
      denied,
      'setns: ok 0',
    ),
    threats: ['T-03', 'T-07'],
  },
  {
    ...call(
      'S04',
      'trace a host process',
      "call('ptrace', 0x4206, $HOST_PID, 0, 0)",
      refused(eperm, esrch, enosys),
      'ptrace: ok 0',
    ),
    threats: ['T-03'],
  },
  {
    ...call(
      'S05',
      'use keyrings',
      "call('keyctl', 0, -3, 1); call('keyctl', 1, 0)",
      denied,
      'keyctl: ok 812345',
    ),
    threats: ['T-10', 'T-07'],
  },
  call('S06', 'bpf', "call('bpf', 0, 0, 0)"),
  call(
    'S07',
    'perf_event_open',
    "call('perf_event_open', 0, 0, -1, -1, 0)",
    refused(eperm, 13, enosys),
    'x: errno 14',
  ),
  call('S08', 'userfaultfd', "call('userfaultfd', 1)", denied, 'userfaultfd: ok 4'),
  call('S09', 'io_uring_setup', "call('io_uring_setup', 0, 0)"),
  call('S10', 'kexec_load', "call('kexec_load', 0, 0, 0, 0x8000)"),
  call('S11', 'reboot', "call('reboot', 0, 0, 0, 0)"),
  call('S12', 'set the clock', "call('clock_settime', 0, 0)", denied, 'clock_settime: errno 14'),
  { ...socket('S13', 'packet', 17, 3, 0), threats: ['T-15', 'T-07'] },
  { ...socket('S14', 'raw IP', 2, 3, 1), threats: ['T-15', 'T-07'] },
  socket('S15', 'vsock', 40, 1, 0),
  socket('S16', 'kernel crypto', 38, 5, 0),
  call(
    'S17',
    'switch off address randomisation',
    "call('personality', 0x0040000)",
    denied,
    'personality: ok 0',
  ),
  call('S18', 'swapon', "call('swapon', 0, 0)", denied, 'swapon: errno 14'),
  {
    ...call(
      'S19',
      'type into the controlling terminal',
      `my $c = 'x'; if (sysopen(my $t, '/dev/tty', O_RDWR)) { call('ioctl', fileno $t, 0x5412, $c) } else { see('tty', 'errno ' . ($! + 0)) } call('ioctl', $_, 0x5412, $c) for 0 .. 2`,
      failed,
      'ioctl: ok 0',
    ),
    threats: ['T-10'],
  },
  call(
    'S20',
    'unshare through the x32 entry',
    "see('x32', outcome(syscall(0x40000000 + 272, 0x20000)))",
    denied,
    'x32: ok 0',
  ),
  {
    ...call(
      'S21',
      "take a descriptor of, or signal, the host's process",
      "call('pidfd_getfd', 0, 0, 0); call('kill', $HOST_PID, 0)",
      refused(eperm, esrch, enosys),
      'kill: ok 0',
    ),
    threats: ['T-03', 'T-07'],
  },
  call('S22', 'load a module', "call('init_module', 0, 0, 0)", denied, 'init_module: errno 14'),
  call('S23', 'clone a mount tree', "my $p = '/'; call('open_tree', -100, $p, 1)", denied, 'open_tree: ok 4'),
  {
    ...call(
      'S24',
      'terminal requests, with high bits too',
      `my $c = 'x'; for my $request (0x5412, 0x541c, 0x5423) { for my $high (0, 1) { call('ioctl', 1, $request + $high * 4294967296, $c) } }`,
      denied,
      'ioctl: errno 25',
    ),
    threats: ['T-10', 'T-07'],
  },
  call(
    'S25',
    'rare socket families and protocols',
    `for my $s ([2, 1, 262], [2, 1, 132], [2, 2, 136], [2, 6, 33], [15, 3, 2], [31, 3, 0], [29, 3, 1], [30, 5, 0], [44, 3, 0], [16, 3, 15], [16, 3, 9], [10, 3, 58]) { call('socket', @$s) }`,
    denied,
    'socket: errno 93',
  ),
  call(
    'S26',
    'clone with each namespace flag, and clone3',
    `for my $flag (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000) { my $r = syscall($NR{clone}, $flag | 17, 0, 0, 0, 0);
  if ($r == 0) { syscall($NR{exit_group}, 0) } see("clone $flag", outcome($r)) } call('clone3', 0, 0)`,
    denied,
    'clone 131072: ok 77',
  ),
  call(
    'S27',
    'the i386 entry',
    // A program of 145 bytes: i386 exit(42), and where that came back, x86_64 exit(7). Killed, or no such entry: held.
    `if (!defined $NR{modify_ldt}) { see('int 0x80', 'errno 38'); return } # no such entry on this processor
my $code = pack('H*', 'b801000000bb2a000000cd80b83c000000bf070000000f05'); my $size = 120 + length $code;
my $elf = "\\x7fELF\\2\\1\\1" . "\\0" x 9 . pack('SSLQQQLSSSSSS', 2, 62, 1, 0x400078, 64, 0, 0, 64, 56, 1, 0, 0, 0) . pack('LLQQQQQQ', 1, 5, 0, 0x400000, 0x400000, $size, $size, 4096) . $code;
my $path = scratch() . '/entry'; sysopen(my $f, $path, O_WRONLY | O_CREAT, 0700) or die $!; syswrite($f, $elf) == $size or die $!; close $f;
my $pid = fork; die "fork: $!" unless defined $pid; if (!$pid) { exec $path or syscall($NR{exit_group}, 99) } waitpid $pid, 0; unlink $path;
my ($signal, $code_of) = ($? & 127, $? >> 8); see('int 0x80', $signal == 31 || $signal == 11 ? 'errno 1' : $signal ? "signal $signal" : $code_of == 42 ? 'ok 42' : $code_of == 7 ? 'errno 38' : "exit $code_of")`,
    denied,
    'int 0x80: ok 42',
  ),
  call(
    'S28',
    'make a whiteout; a fifo is allowed',
    `my $dir = scratch(); my ($whiteout, $fifo) = ("$dir/w", "$dir/f"); call('mknodat', -100, $whiteout, 0020600, 0);
see('fifo', syscall($NR{mknodat}, -100, $fifo, 0010600, 0) == 0 ? 'errno 1' : 'missing')`,
    denied,
    'mknodat: ok 0',
  ),
  call(
    'S29',
    'further calls without use',
    `call($_, 1, 1, 1, 1, 1, 1) for qw(memfd_secret name_to_handle_at fanotify_init mount_setattr fsopen quotactl acct pivot_root add_key request_key sethostname setdomainname); call('modify_ldt', 0, 0, 0) if defined $NR{modify_ldt}`,
    denied,
    'x: errno 14',
  ),
  call(
    'S30',
    'numbers that have no meaning yet',
    "for my $number (472 .. 600) { my $r = syscall($number, -1, -1, -1, -1, -1, -1); $r == -1 && $! == 38 or see($number, outcome($r)) } see('done', 'errno 38')",
    denied,
    '500: ok 0',
  ),
]
