// A: what one step can do to another, to the next job and to the runner that listens to it.
import type { Judge } from './probe.ts'
import type { Scene } from './scene.ts'

const unmarked: Judge = ({ lines, planted }) =>
  lines.find((line) => planted.some((value) => line.includes(value)) || /^(reached|arrived)/.test(line)) ??
  null

/** Looks for what another step was given or left. Both are Perl, lists of directories: where, and what to leave out. */
const lookingIn = (
  where: string,
  except = '',
): string => `for my $file (glob('/proc/[0-9]*/environ /proc/[0-9]*/cmdline /proc/[0-9]*/maps')) { my $text = join '', lines_of($file); see($file, "marker $1") if $text =~ /(\\Q$MARKER\\E\\w+)/ }
my @dirs = (${where}); my %seen = map { $_ => 1 } (${except}); my $count = 0;
while (defined(my $dir = shift @dirs)) { next if $seen{$dir}++ || ++$count > 3000; opendir(my $d, $dir) or next; for my $name (readdir $d) { next if $name =~ /^\\.\\.?$/; my $path = "$dir/$name"; 
  see($dir, "name $1") if $name =~ /(\\Q$MARKER\\E\\w+)/; if (-d $path && !-l $path) { push @dirs, $path if $path !~ m{^/etc/ssl|/fd$} } elsif (-f $path) { my $text = ''; if (sysopen(my $f, $path, O_RDONLY | O_NONBLOCK)) { sysread($f, $text, 4096) } see($path, "marker $1") if $text =~ /(\\Q$MARKER\\E\\w+)/ } } }
for my $table ('shm', 'msg', 'sem') { my @rows = lines_of("/proc/sysvipc/$table"); for my $row (@rows[1 .. $#rows]) { my ($key, $id) = $row =~ /(-?\\d+)\\s+(\\d+)/; if ($table eq 'shm') { my $bytes = ''; shmread($id, $bytes, 0, 128) and see('shm', $bytes) } elsif ($table eq 'msg') { see('msg', "marker $MARKER") if $key == 7002002 } } }
for my $name ('LD_PRELOAD', 'BASH_ENV', 'ENV', 'PERL5OPT', 'NODE_OPTIONS', 'GIT_CONFIG_GLOBAL') { see($name, $ENV{$name}) if defined $ENV{$name} } see('PATH', $ENV{PATH}) if $ENV{PATH} =~ m{/tmp|/home|^\\.|:\\.|::};
see('done', 'errno 0');`
const everywhere = `$ENV{HOME} // '/tmp', '/tmp', '/dev/shm', '/run', '/etc', '/opt', '/mnt', '/srv', '/var', '/home', '/root', '/app', '/go'`
const looking = lookingIn(everywhere)
/** What other steps of a job share; a clean one has its own, which A09 is about. */
const commonPlaces = `'/var/tmp', '/run/lock'`
const lookingElsewhere = lookingIn(everywhere, commonPlaces)

/** In as many places as a step can write to. */
const hiding = `my $marker = $ENV{MAYFLY_PROBE_MARKER} or die 'no marker'; my $home = $ENV{HOME}; my $left = 0;
my $leave = sub { my ($path, $text) = @_; (my $dir = $path) =~ s{/[^/]+\\z}{}; my $made = ''; for my $part (split m{/}, $dir) { next if $part eq ''; $made .= "/$part"; mkdir $made } open(my $f, '>', $path) or return; print $f $text; close $f; chmod 0755, $path; $left++ };
$leave->("$_", $marker) for map { "$_/left" } '/tmp', '/var/tmp', '/dev/shm', $home, "$home/project", '/run/lock', '/run/mayfly', '/etc', '/usr/bin', '/opt', '/var/lib', '/mnt', '/app', '/go/src', '/root';
$leave->("$home/$_", "# $marker") for '.bashrc', '.profile', '.bash_history', '.npmrc', '.gitconfig', '.perlrc', '.ssh/config', 'bin/git', 'project/.git/hooks/post-checkout', '.config/git/config', 'project/.npmrc';
$leave->("/tmp/$_", $marker) for 'git', "name-$marker", 'cron.d/x'; $leave->('/var/spool/cron/crontabs/ci', $marker);
my $id = shmget(7002002, 4096, 01666) // die "shm: $!"; shmwrite($id, $marker, 0, length $marker) or die $!; my $queue = msgget(7002002, 01666) // die "msg: $!"; msgsnd($queue, pack('l! a*', 1, $marker), 0); semget(7002002, 1, 01666) // die "sem: $!";
my $memfd = syscall($NR{memfd_create}, my $name = $marker, 0); open(my $unlinked, '+>', "/tmp/unlinked") or die $!; unlink '/tmp/unlinked'; syswrite($unlinked, $marker);
inet_aton("$marker.example"); my $heap = $marker x 4096;
my $pid = fork // die $!; if (!$pid) { syscall($NR{setsid}); close STDOUT; close STDERR; open(STDOUT, '>', '/dev/null'); $SIG{$_} = 'IGNORE' for qw(HUP INT TERM); $0 = "daemon $marker"; alarm 0; sleep 1 while $SECONDS-- > 0; syscall($NR{exit_group}, 0) }
$left >= 12 or die "only $left places"; see('left', 'errno 0');`

/** Steps of one sandbox share its network, and with it names of abstract sockets; jobs do not. */
const bindingName = `socket(my $u, PF_UNIX, SOCK_STREAM, 0) or die $!; bind($u, pack_sockaddr_un("\\0$ENV{MAYFLY_PROBE_MARKER}")) or die $!; listen($u, 1); if (!fork) { close STDOUT; close STDERR; alarm 0; sleep 30; syscall($NR{exit_group}, 0) }`
const lookingForName = `for my $line (lines_of('/proc/net/unix')) { see('unix', "marker $1") if $line =~ /(\\Q$MARKER\\E\\w+)/ }`

const others = ['job', 'shared', 'clean'] as const

export const stepScenes: readonly Scene[] = [
  {
    id: 'A01',
    threats: ['T-05'],
    tries:
      "read a clean step's environment, files, memory and history from other steps, while it runs and afterwards",
    acts: [
      {
        cell: 'clean',
        background: true,
        marked: true,
        program: `${hiding} ready(); sleep 1 while $SECONDS-- > 1`,
      },
      ...others.map((cell) => ({ cell, program: lookingElsewhere })),
      { cell: 'clean', marked: true, program: hiding },
      ...others.map((cell) => ({ cell, program: lookingElsewhere })),
    ],
    judge: unmarked,
    positive: ['/proc/7/environ: marker PLANTED'],
  },
  {
    id: 'A02',
    threats: ['T-05', 'T-20'],
    tries: 'leave a daemon, start-up files, PATH shims, hooks and settings for a clean step to fall over',
    acts: [
      { cell: 'job', marked: true, program: hiding },
      { cell: 'shared', marked: true, program: hiding },
      { cell: 'clean', program: lookingElsewhere },
    ],
    judge: unmarked,
    positive: ['/home/ci/.npmrc: marker PLANTED'],
  },
  {
    id: 'A09',
    threats: ['T-05'],
    tries: 'leave files for a clean step where all steps may write: /var/tmp, /run/lock; find its own there',
    acts: [
      { cell: 'job', marked: true, program: hiding },
      { cell: 'clean', program: lookingIn(commonPlaces) },
    ],
    judge: unmarked,
    positive: ['/var/tmp/left: marker PLANTED'],
  },
  {
    id: 'A03',
    threats: ['T-03', 'T-05'],
    tries: 'signal and trace a later step, and fill the pipe beside it',
    acts: [
      {
        ...{ cell: 'shared', background: true },
        // Signal 0 and an attach that ends with the next instant: harmless where they succeed.
        program: `ready(); my $until = time + $SECONDS - 1; my $flood = 'x' x 65536; while (time < $until) { for my $dir (glob '/proc/[0-9]*') { my ($pid) = $dir =~ /(\\d+)/; next unless join('', lines_of("$dir/cmdline")) =~ /^victim-\\Q$NONCE\\E/;
  see('reached', "signal $pid") if kill 0, $pid; see('reached', "trace $pid") if syscall($NR{ptrace}, 0x4206, $pid, 0, 0) == 0 } print STDERR $flood; select(undef, undef, undef, 0.02) }`,
      },
      ...others.map((cell) => ({
        cell,
        program: `$0 = "victim-$NONCE"; for my $i (1 .. 400) { see('line', $i); select(undef, undef, undef, 0.001) } see('victim', 'finished')`,
      })),
    ],
    judge: (seen) => {
      const finished = seen.lines.filter((line) => line === 'victim: finished').length
      const lines = seen.lines.filter((line) => line.startsWith('line: ')).length
      return (
        unmarked(seen) ??
        (finished === 3 && lines === 1200 ? null : `${finished} steps, ${lines} lines came through`)
      )
    },
    positive: ['reached: signal 7'],
  },
  {
    id: 'A04',
    threats: ['T-05', 'T-10'],
    tries: 'use the socket that was given to another step',
    acts: [
      {
        cell: 'clean',
        background: true,
        socket: 'ssh-agent',
        program: 'ready(); sleep 1 while $SECONDS-- > 1',
      },
      ...others.map((cell) => ({
        cell,
        program: `my %seen; my @dirs = ('/run', '/tmp', '/var/tmp', '/dev/shm', '/home', glob('/proc/[0-9]*/root/run/mayfly /proc/[0-9]*/cwd')); my $tried = 0;
while (defined(my $dir = shift @dirs)) { next if $seen{$dir}++ > 0 || keys %seen > 2000; opendir(my $d, $dir) or next; for my $name (readdir $d) { next if $name =~ /^\\.\\.?$/; my $path = "$dir/$name"; if (-S $path) { $tried++; socket(my $s, PF_UNIX, SOCK_STREAM, 0) or die $!; my $in = chdir $dir; see($path, 'reached') if connect($s, pack_sockaddr_un($in ? $name : $path)) } elsif (-d $path && !-l $path) { push @dirs, $path } } }
for my $path ('/run/mayfly/agent.sock', '/run/mayfly/job.sock', '/run/mayfly/../mayfly/agent.sock', '/proc/1/root/run/mayfly/agent.sock') { socket(my $s, PF_UNIX, SOCK_STREAM, 0) or die $!; see($path, connect($s, pack_sockaddr_un($path)) ? 'reached' : 'errno ' . ($! + 0)) }`,
      })),
    ],
    judge: ({ lines }) => lines.find((line) => /: reached$|^arrived/.test(line)) ?? null,
    positive: ['arrived: the socket of a step'],
  },
  {
    id: 'A05',
    threats: ['T-04', 'T-19', 'T-20'],
    tries: 'hide in more than twenty places for the next job to find',
    acts: [
      { cell: 'job', marked: true, program: `${hiding}\n${bindingName}` },
      { cell: 'shared', marked: true, program: hiding },
      ...others.map((cell) => ({ nest: 'next' as const, cell, program: `${looking}\n${lookingForName}` })),
    ],
    judge: unmarked,
    positive: ['/tmp/left: marker PLANTED'],
  },
  {
    id: 'A06',
    threats: ['T-22', 'T-02'],
    tries: 'carry out endless, hostile or foreign trees; carry in archives that leave their directory',
    acts: [
      {
        cell: 'job',
        program: `mkdir "/tmp/hostile" or die $!; mkdir "/tmp/big" or die $!; open(my $f, '>', '/tmp/big/endless') or die $!; truncate($f, 1 << 40) or see('sparse', 'errno ' . ($! + 0)); close $f;
symlink('/', '/tmp/hostile/absolute'); symlink('../../../..', '/tmp/hostile/up'); symlink('/etc/passwd', '/tmp/passwd'); symlink('/proc/1/root', '/tmp/hostile/root'); mkdir "/tmp/hostile/\\n\\e[2J"; syscall($NR{mknodat}, -100, my $fifo = '/tmp/hostile/fifo', 0010600, 0);
for my $i (1 .. 2000) { open(my $e, '>', "/tmp/hostile/$i") or last } see('made', 'errno 0')`,
      },
      {
        outside: async ({ copyOut }) => {
          const endless = await copyOut('/tmp/big', carriedBytes)
          const many = await copyOut('/tmp/hostile', carriedBytes)
          return [
            `endless: ${endless.bytes > carriedBytes ? `bytes ${endless.bytes}` : 'errno 0'} ${endless.end}`,
            `many: ${many.bytes > carriedBytes ? `bytes ${many.bytes}` : 'errno 0'} ${many.end}`,
          ]
        },
      },
    ],
    judge: ({ lines }) => lines.find((line) => /^(endless|many): bytes/.test(line)) ?? null,
    positive: ['endless: bytes 9437184 whole'],
  },
  {
    id: 'A07',
    threats: ['T-22'],
    tries:
      'lie to the runner: odd bytes, an end with open output, a line without end, words on its control pipe',
    acts: [
      {
        cell: 'job',
        program: `print "e]0;titleae[2J", map({ chr } 0 .. 8, 128 .. 255), "\xff\xfe\xc3\n"; my $pid = fork // die $!;
if (!$pid) { syscall($NR{setsid}); alarm 0; sleep 60; syscall($NR{exit_group}, 0) } see('left', 'errno 0')`,
      },
      {
        ...{ cell: 'job', mayFail: true },
        program: `my $line = 'x' x (1 << 20); for (1 .. 96) { syswrite(STDOUT, $line) // last } see('line', 'errno 0')`,
      },
      {
        ...{ nest: 'other', cell: 'job', mayFail: true },
        program: `my $n = 0; for my $fd (glob '/proc/[0-9]*/fd/*') { -p $fd or next; sysopen(my $pipe, $fd, O_WRONLY | O_NONBLOCK) or next; syswrite($pipe, "end 1 0\nend 2 0\nend 99999 0\nstart 1 1\n" . 'y' x 4096 . "\n"); $n++ } see('told', "errno 0 $n"); select(undef, undef, undef, 0.5)`,
      },
      { nest: 'next', cell: 'job', program: "see('after', 'errno 0')" },
      {
        outside: async ({ results }) =>
          results.map((result, i) => {
            const slow = i === 0 && result.ms > 15_000
            const flooded = i === 1 && result.kind === 'exit'
            return `result ${i}: ${slow ? `open for ${result.ms} ms` : flooded ? 'endless' : 'errno 0'} ${result.kind}`
          }),
      },
    ],
    judge: ({ lines }) => lines.find((line) => /^result \d: (open|endless)/.test(line)) ?? null,
    positive: ['result 1: endless exit'],
  },
]

const carriedBytes = 2 * 1024 * 1024
