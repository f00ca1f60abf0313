// What the jobs of the escape test do: one leaves itself in every place that a job can write, one looks whether anything
// of it is left, one looks for what the test planted on the host. All of it happens inside sandboxes only.

/** Holds the secret where files do not show it, in a process that left its session and ignores every polite signal. */
export const daemon = `use strict; use warnings; use POSIX qw(setsid);
my ($secret, $memfd_create) = @ARGV;
$SIG{$_} = 'IGNORE' for qw(HUP INT TERM QUIT);
exit 0 if fork; setsid(); exit 0 if fork;
open(my $unlinked, '+>', '/tmp/unlinked') or die $!; unlink '/tmp/unlinked'; syswrite $unlinked, $secret;
my $name = "residue-$secret"; my $memory = syscall($memfd_create, $name, 0); die "memfd: $!" if $memory < 0;
open(my $memfd, '+>&=', $memory) or die $!; syswrite $memfd, $secret;
my $segment = shmget(0, 4096, 01600); die "shm: $!" unless defined $segment; shmwrite($segment, $secret, 0, length $secret) or die $!;
my $heap = $secret x 4096;
open(my $ready, '>', '/tmp/daemon-is-ready') or die $!; print $ready "$$\\n"; close $ready;
sleep 60 while 1;
`

/**
 * Prints one secret, once: that line is the only way out of the sandbox, and it is sealed. What it hides everywhere else
 * is another, made of the first, that is never printed: so it can have been in no memory but the job's. Three processes
 * carry it; those in the background may begin later than what comes after them, so they are counted until all are there.
 */
export const plant = `set -eu
secret=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \\n')
echo "secret $secret"
hidden=$(printf %s "$secret" | sha256sum | cut -c1-32)
mkdir -p deep/er/and/deeper
for file in file deep/er/and/deeper/file "$HOME/file" /tmp/residue /var/tmp/residue /dev/shm/residue "/tmp/name-$hidden"; do
  echo "$hidden" > "$file"; echo "planted \${file%%-*}"
done
(RESIDUE=$hidden exec sleep 100000) > /dev/null 2>&1 &
(exec sh -c 'while :; do sleep 1000; done' "residue-$hidden") > /dev/null 2>&1 &
(RESIDUE=$hidden exec sh -c 'kill -SEGV $$' "residue-$hidden") > /dev/null 2>&1 || :
case $(uname -m) in x86_64) memfd=319 ;; *) memfd=279 ;; esac
perl daemon.pl "$hidden" "$memfd" < /dev/null > /dev/null 2>&1
until [ -s /tmp/daemon-is-ready ]; do sleep 0.05; done
carriers() { cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2> /dev/null | tr '\\0' '\\n' | grep -cf "$HOME/file" || :; }
for _ in $(seq 200); do [ "$(carriers)" -lt 3 ] || break; sleep 0.05; done
echo "processes with it: $(carriers)"
`

/** The next job on the same machine, of the same project: nothing of the first is there. */
export const neighbour = `set -eu
look() { find / -xdev \\( -path /usr -o -path /proc \\) -prune -o \\( -name '*residue*' -o -name 'name-*' -o -name daemon-is-ready \\) -print; find /dev/shm -name '*residue*'; }
look | sed 's/^/found /'
cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2> /dev/null | tr '\\0' '\\n' | grep -E 'residue-[0-9a-f]{32}|[R]ESIDUE=' | sed 's/^/found /' || :
tail -n +2 /proc/sysvipc/shm | sed 's/^/found /'
touch /tmp/residue; look | sed 's/^/calibrated /'
`

/** Everything but the read-only /usr, where the host's own programs are; finds what looks like a planted value. */
export const search = `set -u
forms='planted[0-9a-f]{32}|mark[0-9a-f]{48}'
look() { grep -rIsoE "$forms" /etc /opt /home /srv /root /tmp /var /run /mnt /media /boot /dev/shm "$HOME" . --exclude-dir=.git
  cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2> /dev/null | tr '\\0' '\\n' | grep -aoE "$forms"; }
look | sort -u | sed 's/^/found /'
printf 'planted%032d\\n' 0 > /tmp/decoy; look | sort -u | sed 's/^/calibrated /'
`
