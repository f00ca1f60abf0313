// P: what the kernel shows and lets change through /proc, /sys and cgroups; limits and capabilities.
import { failed, type Probe, without } from './probe.ts'

const writable = (id: string, tries: string, paths: readonly string[]): Probe => ({
  id,
  threats: ['T-09'],
  tries: `open ${tries} for writing`,
  program: `write_open(${paths.map((path) => `'${path}'`)})`,
  judge: failed,
  positive: [`${paths[0]}: opened`],
})

export const kernelProbes: readonly Probe[] = [
  writable('P01', 'core_pattern', ['/proc/sys/kernel/core_pattern']),
  writable('P02', 'sysrq-trigger', ['/proc/sysrq-trigger']),
  writable('P03', 'drop_caches, modprobe, binfmt_misc', [
    '/proc/sys/vm/drop_caches',
    '/proc/sys/kernel/modprobe',
    '/proc/sys/fs/binfmt_misc/register',
  ]),
  writable('P04', 'uevent_helper, power, ksm', [
    '/sys/kernel/uevent_helper',
    '/sys/power/state',
    '/sys/kernel/mm/ksm/run',
  ]),
  {
    id: 'P05',
    threats: ['T-09', 'T-10'],
    tries: 'read keys and timers of the kernel',
    program: "read_some($_, 64) for '/proc/keys', '/proc/timer_list'",
    judge: failed,
    positive: ['/proc/keys: bytes 0a1b'],
  },
  {
    id: 'P06',
    threats: ['T-09'],
    tries: "read the kernel's log",
    program: "read_some('/dev/kmsg', 64); read_some('/proc/kmsg', 64); call('syslog', 10, 0, 0)",
    judge: failed,
    positive: ['syslog: ok 4096'],
  },
  {
    id: 'P07',
    threats: ['T-09'],
    tries: 'learn real kernel addresses',
    program: `if (open(my $f, '<', '/proc/kallsyms')) { my $line = <$f>; see('kallsyms', defined $line && $line =~ /^0*[1-9a-f]/ ? "address" : 'errno 0') } else { see('kallsyms', 'errno ' . ($! + 0)) }`,
    judge: failed,
    positive: ['kallsyms: address'],
  },
  {
    id: 'P08',
    threats: ['T-09', 'T-16'],
    tries: 'open a cgroup control file for writing',
    program: `see('done', 'errno 0'); for my $depth ('', '/*', '/*/*', '/*/*/*') { for my $name (qw(cgroup.procs tasks memory.max memory.limit_in_bytes pids.max cpu.max cgroup.subtree_control release_agent)) {
  write_open(map { substr $_, length $ROOT } glob("$ROOT/sys/fs/cgroup$depth/$name")) } }`,
    judge: failed,
    positive: ['/sys/fs/cgroup/cgroup.procs: opened'],
  },
  {
    id: 'P09',
    threats: ['T-09', 'T-16'],
    tries: 'mount the cgroup file system',
    program:
      "for my $type ('cgroup2', 'cgroup') { my $dir = scratch(); my ($t, $none) = ($type, 'none'); call('mount', $none, $dir, $t, 0, 0) }",
    judge: failed,
    positive: ['mount: ok 0'],
  },
  {
    id: 'P10',
    threats: ['T-16'],
    tries: 'escape the out-of-memory killer',
    program: `sysopen(my $f, "$ROOT/proc/self/oom_score_adj", O_WRONLY) or do { see('oom_score_adj', 'errno ' . ($! + 0)); return };
see('oom_score_adj', outcome(syswrite($f, '-1000') // -1))`,
    judge: failed,
    positive: ['oom_score_adj: ok 5'],
  },
  {
    id: 'P11',
    threats: ['T-17', 'T-18'],
    tries: 'raise hard limits',
    // 7 is NOFILE, 4 is CORE: one above the present hard limit. "Infinity" cannot be raised: it would say nothing.
    program: `for my $resource (7, 4) { my $old = pack('QQ', 0, 0); syscall($NR{prlimit64}, 0, $resource, 0, $old); my (undef, $hard) = unpack('QQ', $old);
  if ($hard == ~0) { see("limit $resource", 'infinite'); next } my $new = pack('QQ', 0, $hard + 1); see("limit $resource", outcome(syscall($NR{prlimit64}, 0, $resource, $new, 0))) }`,
    judge: failed,
    positive: ['limit 4: infinite'],
  },
  {
    id: 'P12',
    threats: ['T-06'],
    tries: 'find a capability',
    program:
      "open(my $f, '<', '/proc/self/status') or die $!; /^(Cap\\w+):\\s*(\\w+)/ and see($1, $2) while <$f>",
    judge: ({ lines }) =>
      lines.length === 5
        ? without(/[^0]/)({ lines } as Parameters<typeof failed>[0])
        : `only ${lines.length} sets seen`,
    positive: ['CapInh: 0', 'CapPrm: 0', 'CapEff: 0', 'CapBnd: 1ff', 'CapAmb: 0'],
  },
  writable('P13', 'ip_forward', ['/proc/sys/net/ipv4/ip_forward']),
  {
    id: 'P14',
    threats: ['T-18', 'T-01'],
    tries: "have a crashing process' memory written to a file or given to the host's handler",
    // The kernel itself says whether it wrote or piped a core: bit 7 of the status.
    program: `my $dir = scratch(); chdir $dir or die $!; for my $signal ('SEGV', 'ABRT') { my $pid = fork; die "fork: $!" unless defined $pid;
  if (!$pid) { my $limit = pack('QQ', 0, 0); syscall($NR{prlimit64}, 0, 4, 0, $limit); my (undef, $hard) = unpack('QQ', $limit);
    for my $most (~0, $hard) { my $new = pack('QQ', $most, $most); syscall($NR{prlimit64}, 0, 4, $new, 0) } $SIG{$signal} = 'DEFAULT'; kill $signal, $$; sleep 1; syscall($NR{exit_group}, 0) }
  waitpid $pid, 0; see($signal, $? & 128 ? 'dumped' : $? & 127 ? 'errno 0' : 'alive') }
opendir(my $d, '.') or die $!; see($_, 'file') for grep { /core/ } readdir $d`,
    judge: failed,
    positive: ['SEGV: dumped'],
  },
  {
    id: 'P15',
    threats: ['T-09', 'T-16'],
    tries: 'reach release_agent, notify_on_release, devices.allow',
    program: `see('done', 'errno 0'); for my $depth ('', '/*', '/*/*') { write_open(map { substr $_, length $ROOT } glob("$ROOT/sys/fs/cgroup$depth/{release_agent,notify_on_release,devices.allow}")) }`,
    judge: failed,
    positive: ['/sys/fs/cgroup/devices/devices.allow: opened'],
  },
  {
    id: 'P16',
    threats: ['T-06', 'T-09'],
    tries: "rewrite the namespace's maps, choose the next pid",
    // Anybody may open ns_last_pid; the kernel asks for the capability before it looks at what is written.
    program: `if (sysopen(my $f, '/proc/sys/kernel/ns_last_pid', O_WRONLY)) { see('ns_last_pid', outcome(syswrite($f, 'x') // -1)) }
for my $name ('uid_map', 'gid_map', 'setgroups') { if (sysopen(my $f, "$ROOT/proc/self/$name", O_WRONLY)) {
  see($name, outcome(syswrite($f, $name eq 'setgroups' ? 'allow' : "0 0 4294967295\\n") // -1)) } else { see($name, 'errno ' . ($! + 0)) } }`,
    judge: ({ lines }) => lines.find((line) => /: (ok|errno 22$)/.test(line)) ?? null,
    positive: ['uid_map: ok 15'],
  },
]
