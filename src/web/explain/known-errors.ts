// Well-known failures by what they print and how they exit: a table of ours, the first rule that fits wins. Pure: nothing is asked of anybody,
// and no text leaves the page. What a rule takes out of a line is the job's, and shown as such. Patterns take a line once
// through: lines are hostile.
export type KnownError =
  | 'timedOut'
  | 'noSpace'
  | 'heap'
  | 'memory'
  | 'killed'
  | 'dns'
  | 'refused'
  | 'unreachable'
  | 'certificate'
  | 'rateLimit'
  | 'npmLock'
  | 'npmScript'
  | 'npmPeers'
  | 'npmMissing'
  | 'pipVersion'
  | 'cargoLock'
  | 'gitKey'
  | 'gitSignIn'
  | 'gitRef'
  | 'gitOwner'
  | 'noDocker'
  | 'carriageReturns'
  | 'nodeModule'
  | 'pythonModule'
  | 'noCommand'
  | 'notExecutable'
  | 'portTaken'
  | 'readOnly'
  | 'unset'
  | 'noFile'
  | 'denied'
  | 'crashed'
  | 'ended'

export type ErrorFacts = {
  readonly status: string
  readonly exitCode: number | null
  /** Near the first line that speaks of a failure, and at the end; without colours. */
  readonly lines: readonly { readonly line: number; readonly text: string }[]
}
export type Explained = {
  readonly error: KnownError
  /** The line that says so; null: the exit code or the status does. */
  readonly line: number | null
  /** What the line names: a tool, a host, a file. */
  readonly what: string | null
}

type Rule = {
  readonly error: KnownError
  /** The first group is what is named. */
  readonly says?: RegExp
  readonly exits?: readonly number[]
  readonly status?: string
}

/** From what explains the rest to what may be explained by it. */
const rules: readonly Rule[] = [
  { error: 'timedOut', status: 'timed_out' },
  { error: 'noSpace', says: /No space left on device|\bENOSPC\b|Disk quota exceeded/i },
  { error: 'heap', says: /JavaScript heap out of memory|java\.lang\.OutOfMemoryError/ },
  {
    error: 'memory',
    says: /Cannot allocate memory|\bENOMEM\b|std::bad_alloc|^MemoryError\b|runtime: out of memory|OOMKilled|signal: 9, SIGKILL/,
  },
  {
    error: 'carriageReturns',
    says: /\^M: (?:bad interpreter|not found)|\$'\\r': command not found|env: .{1,80}\\r/,
  },
  {
    error: 'npmLock',
    says: /`?npm ci`? can only install (?:packages )?(?:when|with)|npm ci can only install/,
  },
  { error: 'npmScript', says: /npm (?:ERR!|error) Missing script: "([^"]{1,100})"/ },
  { error: 'npmPeers', says: /npm (?:ERR!|error) (?:code )?ERESOLVE/ },
  { error: 'npmMissing', says: /npm (?:ERR!|error) (?:code E404|404 +'?([^' ]{1,120}))/ },
  { error: 'pipVersion', says: /No matching distribution found for (\S{1,100})/ },
  { error: 'cargoLock', says: /lock file .{1,200} needs to be updated but --(?:locked|frozen)/ },
  {
    error: 'gitKey',
    says: /Permission denied \((?:publickey|[a-z,-]*publickey[a-z,-]*)\)|Host key verification failed/,
  },
  {
    error: 'gitSignIn',
    says: /fatal: (?:could not read (?:Username|Password) for '([^']{1,120})|Authentication failed for '([^']{1,120}))/,
  },
  {
    error: 'gitRef',
    says: /couldn't find remote ref (\S{1,120})|fatal: reference is not a tree: (\S{1,80})|pathspec '([^']{1,120})' did not match/,
  },
  { error: 'gitOwner', says: /detected dubious ownership in repository at '([^']{1,160})/ },
  { error: 'noDocker', says: /Cannot connect to the Docker daemon|docker\.sock: (?:connect|no such file)/i },
  {
    error: 'dns',
    says: /getaddrinfo (?:ENOTFOUND|EAI_AGAIN) (\S{1,253})|Could not resolve host(?:name)?:? (\S{1,253})|Temporary failure in name resolution|Name or service not known|no such host/i,
  },
  {
    error: 'certificate',
    says: /self[- ]signed certificate|unable to get local issuer certificate|CERT_HAS_EXPIRED|certificate (?:verify failed|has expired)|x509: certificate/i,
  },
  { error: 'rateLimit', says: /\b429 Too Many Requests|\btoomanyrequests\b|rate limit exceeded/i },
  { error: 'refused', says: /ECONNREFUSED (\S{1,253})|Connection refused/i },
  {
    error: 'unreachable',
    says: /\bETIMEDOUT\b|Connection timed out|\bENETUNREACH\b|Network is unreachable|No route to host|\bEHOSTUNREACH\b/i,
  },
  { error: 'portTaken', says: /\bEADDRINUSE\b.{0,40}?(:\d{1,5})$|\bEADDRINUSE\b|Address already in use/i },
  { error: 'nodeModule', says: /Cannot find (?:module|package) '([^']{1,160})'/ },
  { error: 'pythonModule', says: /(?:ModuleNotFoundError|ImportError): No module named '?([\w.]{1,100})/ },
  {
    error: 'noCommand',
    says: /(?:^|[\s:])([\w.+@/-]{1,100}): (?:command )?not found$|command not found: ([\w.+@/-]{1,100})|spawn ([^\s]{1,100}) ENOENT|exec: "([^"]{1,100})": executable file not found/,
  },
  { error: 'readOnly', says: /Read-only file system|\bEROFS\b/i },
  {
    error: 'unset',
    says: /(?:^|[\s:])([A-Za-z_]\w{0,100}): (?:unbound variable|parameter (?:not set|null or not set))/,
  },
  { error: 'denied', says: /Permission denied|\bEACCES\b|Operation not permitted|\bEPERM\b/ },
  {
    error: 'noFile',
    says: /ENOENT: no such file or directory, \w{1,20} '([^']{1,160})'|(?:^|[\s:'"])([^\s:'"]{1,160})'?: No such file or directory/,
  },
  { error: 'noCommand', exits: [127] },
  { error: 'notExecutable', exits: [126] },
  { error: 'killed', exits: [137] },
  { error: 'crashed', exits: [132, 134, 135, 136, 139] },
  { error: 'ended', exits: [143] },
]

const lineCharsRead = 2_000

/** null: nothing that we know. */
export const explainError = ({ status, exitCode, lines }: ErrorFacts): Explained | null => {
  for (const { error, says, exits, status: wanted } of rules) {
    if (wanted === status || (exitCode !== null && exits?.includes(exitCode)))
      return { error, line: null, what: null }
    if (says === undefined) continue
    for (const { line, text } of lines) {
      const match = says.exec(text.slice(0, lineCharsRead))
      if (match !== null)
        return { error, line, what: match.slice(1).find((group) => group !== undefined) ?? null }
    }
  }
  return null
}
