// `mayfly sign` in a job, as shell text: a digest goes to the runner over the job's socket (protocol/signing.ts), a signature comes back.
// It needs `base64` and `sha256sum` (or its like), and perl for the socket, as every Debian has them.
import { jobSocketPath } from '../signing.ts'

export const signText = `
mf_ask='use Socket; my $s;
socket($s, PF_UNIX, SOCK_STREAM, 0) && connect($s, pack_sockaddr_un("${jobSocketPath}"))
  or do { print "this job may sign with no key: there is no secret of kind signing whose policy admits its ref and its event"; exit 1 };
$SIG{PIPE} = "IGNORE";
syswrite $s, "{\\"verb\\":\\"sign\\",\\"name\\":\\"$ARGV[0]\\",\\"digest\\":\\"$ARGV[1]\\"}\\n";
my $line = <$s> // "";
if ($line =~ m{"signature":"([A-Za-z0-9+/=]+)"}) { print $1; exit 0 }
print $line =~ /"message":"([^"]+)"/ ? $1 : "the runner gave no answer";
exit 1'
mf_sign() {
  mf_usage='sign NAME FILE|--digest sha256:HEX [--hash sha256|sha384|sha512] [--out SIGNATURE]'
  mf_name= mf_file= mf_digest= mf_hash= mf_out=
  while [ $# -gt 0 ]; do
    case $1 in
      --digest | --hash | --out)
        [ $# -gt 1 ] || mf_fail "$1 needs a value"
        case $1 in --digest) mf_digest=$2 ;; --hash) mf_hash=$2 ;; *) mf_out=$2 ;; esac
        shift 2 ;;
      --digest=*) mf_digest=\${1#*=}; shift ;;
      --hash=*) mf_hash=\${1#*=}; shift ;;
      --out=*) mf_out=\${1#*=}; shift ;;
      -?*) mf_fail "sign: $1 is not known: $mf_usage" ;;
      *)
        if [ -z "$mf_name" ]; then mf_name=$1
        elif [ -z "$mf_file" ]; then mf_file=$1
        else mf_fail "sign: $1 is one too many: $mf_usage"
        fi
        shift ;;
    esac
  done
  # SAFE: what goes into the question is a name and hexadecimal digits, with nothing that JSON reads otherwise.
  case $mf_name in '' | *[!A-Za-z0-9_]*) mf_fail "$mf_usage" ;; esac
  if [ -n "$mf_file" ]; then
    [ -z "$mf_digest" ] || mf_fail 'sign: a file or a digest, not both'
    mf_hash=\${mf_hash:-sha256}
    case $mf_hash in sha256 | sha384 | sha512) ;; *) mf_fail "sign: $mf_hash is not known: sha256, sha384 or sha512" ;; esac
    mf_need "\${mf_hash}sum"
    mf_digest=$("\${mf_hash}sum" <"$mf_file") || mf_fail "sign: $mf_file cannot be read"
    mf_digest=$mf_hash:\${mf_digest%% *}
  fi
  case $mf_digest in
    sha256:* | sha384:* | sha512:*) ;;
    '') mf_fail "$mf_usage" ;;
    *) mf_fail 'sign: a digest is sha256:, sha384: or sha512: and hexadecimal digits' ;;
  esac
  case \${mf_digest#*:} in *[!0-9a-f]*) mf_fail 'sign: a digest is written in hexadecimal digits, small letters' ;; esac
  mf_need perl
  mf_answer=$(perl -e "$mf_ask" "$mf_name" "$mf_digest") || mf_fail "sign: $mf_answer"
  if [ -z "$mf_out" ]; then printf '%s\\n' "$mf_answer"; return; fi
  mf_need base64
  printf '%s\\n' "$mf_answer" | base64 -d >"$mf_out" || mf_fail "sign: $mf_out cannot be written"
}
`
