// The catalogue of everything that can go wrong in the world around us (faults) and in input (problem codes).
// One row each: symbol in code, number for people, HTTP status, exit code, retryable. docs/reference/errors.md
// is checked against it both ways. Ranges: 1xxx machine and start, 2xxx configuration, 3xxx sandbox and runner,
// 4xxx API and access, 5xxx vault, 6xxx storage, 7xxx source hosts.

export type FaultRow = {
  readonly number: string
  readonly status: number
  readonly exit: number
  readonly retryable: boolean
  readonly title: string
}

const row = (number: string, status: number, exit: number, title: string): FaultRow => ({
  number,
  status,
  exit,
  retryable: false,
  title,
})
const retryable = (fault: FaultRow): FaultRow => ({ ...fault, retryable: true })

export const catalogue = {
  // 1xxx machine and start
  E_MACHINE_NOT_READY: row('MF1001', 500, 11, 'This machine lacks something Mayfly needs'),
  E_PORT_TAKEN: row('MF1002', 500, 11, 'A port is taken by another program'),
  E_PACKAGES_MISSING: row('MF1003', 500, 11, 'Operating system packages are missing'),
  E_CONFIG_INVALID: row('MF1004', 500, 7, 'The settings of this installation are invalid'),
  E_ALREADY_RUNNING: row('MF1005', 500, 11, 'This installation is already running'),
  E_CHILD_FAILED: row('MF1006', 500, 11, 'One of the programs of this installation did not start'),
  E_DEFECT: row('MF1099', 500, 70, 'A defect in Mayfly'),
  // 3xxx sandbox and runner
  E_SANDBOX_UNAVAILABLE: row('MF3001', 503, 11, 'This machine cannot build the sandbox that was asked for'),
  E_SANDBOX_DEADLINE: retryable(row('MF3002', 503, 4, 'Building the sandbox took too long')),
  E_CLASS_UNKNOWN: row('MF3003', 422, 7, 'No such resource class'),
  E_DESTROY_UNVERIFIED: row('MF3004', 503, 4, 'A sandbox could not be proven gone'),
  E_EXEC_FAILED: retryable(row('MF3005', 503, 4, 'The sandbox could not start a step')),
  E_LEASE_LOST: row('MF3006', 409, 4, 'The lease of this attempt has ended'),
  E_RUNNER_SESSION: row('MF3007', 409, 4, 'The session number of this runner was seen before'),
  E_RUNNER_UNKNOWN: row('MF3008', 401, 3, 'Unknown or revoked runner'),
  E_PROTOCOL: row('MF3009', 400, 4, 'A message does not follow the protocol'),
  E_SPEC_MISMATCH: row('MF3010', 409, 1, 'The job is not what its commit says'),
  E_SANDBOX_LOST: retryable(row('MF3011', 503, 4, 'The sandbox ended while it was being made')),
  // 4xxx API and access
  E_INPUT: row('MF4000', 400, 2, 'The request is not valid'),
  E_UNAUTHENTICATED: row('MF4001', 401, 3, 'Sign in first'),
  E_FORBIDDEN: row('MF4003', 403, 3, 'Not allowed'),
  E_NOT_FOUND: row('MF4004', 404, 5, 'Not found'),
  E_METHOD: row('MF4005', 405, 2, 'This address has other methods'),
  E_CONFLICT: row('MF4009', 409, 1, 'The thing was changed by somebody else'),
  E_EXPIRED: row('MF4010', 410, 5, 'A retention rule removed it'),
  E_PRECONDITION: row('MF4012', 412, 1, 'It was changed since it was read'),
  E_TOO_LARGE: row('MF4013', 413, 2, 'The request is too large'),
  E_MEDIA_TYPE: row('MF4015', 415, 2, 'Only application/json is accepted'),
  E_RANGE: row('MF4016', 416, 2, 'There are not so many bytes'),
  E_KEY_REUSED: row('MF4022', 422, 2, 'The Idempotency-Key belongs to another request'),
  E_KEY_OPEN: row('MF4023', 409, 1, 'The request with this Idempotency-Key has no answer yet'),
  E_PLAINTEXT: row('MF4024', 422, 2, 'A secret is only taken sealed'),
  E_RATE_LIMIT: retryable(row('MF4029', 429, 4, 'Too many requests')),
  E_CSRF: row('MF4030', 403, 3, 'The request did not come from this site'),
  E_CLAIM_INVALID: row('MF4031', 403, 3, 'The claim link is not valid any more'),
  E_SIGN_IN: row('MF4032', 401, 3, 'Wrong name or password'),
  E_STEP_UP: row('MF4033', 403, 3, 'Prove first that it is you: your last proof is too old for this'),
  E_STILL_RUNNING: retryable(row('MF4040', 408, 8, 'The run has no verdict yet')),
  E_NOT_PASSED: row('MF4041', 409, 1, 'The run did not pass'),
  E_INTERNAL: row('MF4500', 500, 70, 'Something went wrong on our side'),
  E_UNREACHABLE: retryable(row('MF4503', 503, 4, 'The server cannot be reached')),
  // 5xxx vault
  E_VAULT_UNAVAILABLE: retryable(row('MF5001', 503, 4, 'The vault is not available')),
  E_SEALED: retryable(row('MF5002', 503, 4, 'The vault is sealed')),
  E_TICKET_SIG: row('MF5003', 403, 3, 'The ticket is not signed by this server'),
  E_TICKET_EXPIRED: row('MF5004', 403, 3, 'The ticket has expired'),
  E_EPOCH: row('MF5005', 403, 3, 'The ticket is from before a restart of the vault'),
  E_USED: row('MF5006', 403, 3, 'The ticket was used before'),
  E_RUNNER_SCOPE: row('MF5007', 403, 3, 'The runner may not work for this project'),
  E_STORE_TAMPERED: row('MF5008', 500, 70, 'A record of the vault was changed outside the vault'),
  E_ROLLBACK: row('MF5009', 500, 11, 'The store of the vault is older than one it has seen'),
  E_ROOT_KEY: row('MF5010', 500, 11, 'The root key cannot be used'),
  E_WEBHOOK_SIG: row('MF5011', 401, 3, 'The signature of the delivery is wrong'),
  E_RUNNER_SIG: row('MF5012', 403, 3, 'The request is not signed by its runner, or too old'),
  E_STMT_SIG: row('MF5013', 403, 3, 'The statement is not signed by a signer of this vault'),
  E_STMT_STALE: row('MF5014', 403, 3, 'The statement is too old'),
  E_STMT_PREV: row('MF5015', 409, 1, 'The statement does not follow the last one'),
  E_STMT_KEPT: row('MF5026', 409, 3, 'What was to stay as it is would have been changed'),
  E_STMT_SECOND: row('MF5025', 409, 1, 'The change needs a second person'),
  E_SIGNER_CODE: row('MF5016', 403, 3, 'The code for a signer is wrong, used or too old'),
  E_VAULT_KEY_CHANGED: row('MF5017', 500, 3, 'The vault signs with another key than before'),
  E_CONTEXT_REFUSED: row('MF5020', 403, 3, 'A context may not be used by this job'),
  E_REPO_MISMATCH: row(
    'MF5021',
    403,
    1,
    'It is about another repository than the one that the vault has pinned',
  ),
  E_REF_UNREACHABLE: row('MF5022', 409, 1, 'The commit does not lie on its branch or tag'),
  E_NOT_TIP: row('MF5023', 409, 1, 'A secret is for the newest commit of its branch or tag only'),
  E_TIER: row('MF5024', 403, 1, 'Nothing proves the trust that the server claims for this job'),
  // 6xxx storage
  E_DATABASE: retryable(row('MF6001', 503, 4, 'The database is not available')),
  E_MIGRATION: row('MF6002', 500, 11, 'The database does not fit this version of Mayfly'),
  E_OBJECT_MISSING: row('MF6003', 404, 5, 'A stored object is missing'),
  E_DISK_FULL: retryable(row('MF6004', 507, 4, 'The disk is full')),
  E_OBJECT_TAMPERED: row('MF6005', 500, 70, 'A stored object was changed or cut off'),
  E_COLLECTOR: retryable(row('MF6006', 503, 4, 'The collector of traces did not take them')),
  E_ARCHIVE: row('MF6007', 422, 1, 'An archive was refused'),
  // 7xxx source hosts
  E_SOURCE_DENIED: row('MF7001', 502, 1, 'The source host refused access'),
  E_SOURCE_UNREACHABLE: retryable(row('MF7002', 502, 4, 'The source host cannot be reached')),
  E_COMMIT_MISSING: row('MF7003', 404, 5, 'The source host does not have this commit'),
  E_SOURCE_NOT_ALLOWED: row('MF7004', 403, 7, 'The operator does not allow this source'),
} as const satisfies Record<string, FaultRow>

export type FaultCode = keyof typeof catalogue

/** A broken world. `public` is for the user, `detail` for operators and never leaves the logs. */
export class Fault extends Error {
  readonly code: FaultCode
  readonly public: string
  readonly detail: string
  constructor(code: FaultCode, texts: { public?: string; detail?: string; cause?: unknown }) {
    super(`${code}: ${texts.detail ?? texts.public ?? catalogue[code].title}`, { cause: texts.cause })
    this.name = 'Fault'
    this.code = code
    this.public = texts.public ?? catalogue[code].title
    this.detail = texts.detail ?? ''
  }
  get row(): FaultRow {
    return catalogue[this.code]
  }
}

export const fault = (
  code: FaultCode,
  texts: { public?: string; detail?: string; cause?: unknown } = {},
): Fault => new Fault(code, texts)

export const isFault = (error: unknown, code?: FaultCode): error is Fault =>
  error instanceof Fault && (code === undefined || error.code === code)
