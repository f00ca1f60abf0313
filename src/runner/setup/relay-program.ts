// The small HTTP server that a job of a setup configuration finds on its own loopback, wherever its network leads: scripts that
// were written for the platform post there what their run goes on with. It runs in the job's cell as the job's user, reads one
// request after the other, and knows nothing: it says each on stdout and waits for the answer on stdin. A `curl` of ours,
// first on the PATH of such a job, sends there what is meant for the platform's own address.

export const relayPort = 61_872
/** No trailing slash: `MAYFLY_API_URL`. */
export const relayUrl = `http://127.0.0.1:${relayPort}`
export const relayCommandsPath = '/tmp/.mayfly-setup'
export const continuePath = '/api/v2/pipeline/continue'
/** Said when it listens. */
export const relayReadyLine = 'ready\n'
export const relayBodyBytesMax = 8 * 1024 * 1024
export const relayLineBytesMax = 2_000

const curl = `#!/bin/sh
for mf_word; do
  shift
  case $mf_word in
    https://*${continuePath} | http://*${continuePath}) mf_word=${relayUrl}${continuePath} ;;
  esac
  set -- "$@" "$mf_word"
done
mf_path=:$PATH:
mf_path=\${mf_path%%:${relayCommandsPath}:*}:\${mf_path#*:${relayCommandsPath}:}
mf_path=\${mf_path#:}
PATH=\${mf_path%:} exec curl "$@"
`

/** Each request: \`LINE-BYTES BODY-BYTES\\n\`, the request line, the body. Each answer: \`STATUS BODY-BYTES\\n\`, the body. */
export const relayProgram = `use strict; use Socket; $| = 1; $SIG{PIPE} = 'IGNORE'; binmode STDIN; binmode STDOUT;
socket(my $listener, PF_INET, SOCK_STREAM, 0) or exit 1;
setsockopt($listener, SOL_SOCKET, SO_REUSEADDR, 1);
bind($listener, pack_sockaddr_in(${relayPort}, INADDR_LOOPBACK)) && listen($listener, 8) or exit 1;
mkdir '${relayCommandsPath}', 0755;
if (open my $file, '>', '${relayCommandsPath}/curl') { print $file <<'CURL'; close $file; chmod 0755, '${relayCommandsPath}/curl' }
${curl}CURL
print ${JSON.stringify(relayReadyLine)};
sub more { my ($from, $into) = @_; return sysread($from, $$into, 65536, length $$into) }
while (accept(my $client, $listener)) {
  setsockopt($client, SOL_SOCKET, SO_RCVTIMEO, pack('l!l!', 30, 0));
  my $in = '';
  while ($in !~ /\\r\\n\\r\\n/ && length $in < 65536) { more($client, \\$in) or last }
  my ($head, $body) = split /\\r\\n\\r\\n/, $in, 2;
  next unless defined $body && $head =~ /^([ -~]{1,${relayLineBytesMax}})\\r\\n/;
  my $line = $1;
  my $size = $head =~ /^content-length:[ \\t]*(\\d{1,9})[ \\t]*\\r?$/mi ? $1 : 0;
  if ($size > ${relayBodyBytesMax}) { $size = 0; $body = ''; $line = 'TOO LARGE' }
  syswrite $client, "HTTP/1.1 100 Continue\\r\\n\\r\\n" if $head =~ /^expect:[ \\t]*100-continue/mi;
  while (length $body < $size) { more($client, \\$body) or last }
  $body = substr $body, 0, $size;
  print length $line, ' ', length $body, "\\n", $line, $body;
  my $answer = <STDIN>;
  defined $answer && $answer =~ /^(\\d{3}) (\\d{1,7})$/ or exit 0;
  my ($status, $left, $text) = ($1, $2, '');
  while (length $text < $left) { read(STDIN, $text, $left - length $text, length $text) or exit 0 }
  my $out = "HTTP/1.1 $status Answered\\r\\ncontent-type: application/json\\r\\ncontent-length: $left\\r\\nconnection: close\\r\\n\\r\\n$text";
  while (length $out) { my $sent = syswrite $client, $out or last; $out = substr $out, $sent }
  close $client;
}
`
