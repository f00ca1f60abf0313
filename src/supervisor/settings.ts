// mayfly.yml: the operator's settings. Only the supervisor reads it; every program gets its part as one JSON document.
// Unknown keys and bad values stop the start, all reported together with line and column.
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { isMap, isNode, LineCounter, parseDocument, visit } from 'yaml'
import * as z from 'zod'
import { fault } from '../base/faults.ts'
import { isPlainOrigin } from '../base/plain-origin.ts'
import { isReservedName } from '../protocol/reserved-names.ts'
import { slotsMax } from '../protocol/runner-wire-parse.ts'
import { ensureDirectory, parseAddressExceptions, writeFileDurably } from '../sys/index.ts'
import type { Layout } from './layout.ts'
import { detectEgressAllow } from './network.ts'

const cidrPort = z
  .string()
  .regex(/^[0-9a-fA-F.:]+\/\d{1,3}:\d{1,5}$/, {
    ...{ error: 'expected CIDR:port, for example 10.0.0.0/8:443', abort: true },
  })
  .refine(isCidrPort, 'is no range of addresses with a port from 1 to 65535')

// What a program could not start with is refused here, while those before go on.
function isCidrPort(text: string): boolean {
  const [, network = '', length, port] = /^(.+)\/(\d+):(\d+)$/.exec(text) ?? []
  const bits = { 0: -1, 4: 32, 6: 128 }[isIP(network)] ?? -1
  return Number(length) <= bits && Number(port) >= 1 && Number(port) <= 65_535
}

// No request could be made with them, and its refusal would have them in the log.
function isWithoutCredentials(text: string): boolean {
  const { username, password } = new URL(text)
  return username === '' && password === ''
}

/** As whoever judges addresses reads it: one that he cannot read fails every fetch. */
const isException = (text: string): boolean => {
  try {
    return parseAddressExceptions([text]).length === 1
  } catch {
    return false
  }
}

/** In this spelling alone: others are the same to a parser of URLs, and not to everybody who compares them. */
const webScheme = [/^https?:\/\/[^\\]*$/, 'must begin with http:// or https://'] as const

const securityLine = z
  .string()
  .min(1)
  .max(500)
  .regex(/^[\x20-\x7e]+$/, 'must be one line of ASCII')
const securityLink = securityLine.regex(
  /^(https|mailto|tel|openpgp4fpr|dns):/,
  'must begin with https:, mailto:, tel:, openpgp4fpr: or dns:',
)

const keptDays = z.number().int().min(1).max(3650)

const settingsSchema = z.strictObject({
  organisation: z
    .string()
    .min(1)
    .max(64)
    .regex(/^[a-z0-9][a-z0-9-]*$/)
    .refine((name) => !isReservedName(name), 'is a reserved word')
    .default('home')
    .describe('Name of the organisation in addresses'),
  public_url: z
    .url({ protocol: /^https?$/, abort: true })
    .regex(...webScheme)
    .refine(isPlainOrigin, 'must be scheme, host and port only')
    .optional()
    .describe('Where people reach the server; default http://localhost:<port>'),
  http: z
    .strictObject({
      trustedProxies: z
        .array(
          z
            .union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()], 'is no address and no range of them')
            .refine((range) => !range.endsWith('/0'), 'is everybody: whoever comes would choose an address'),
        )
        .max(32)
        .default([])
        .describe(
          'Reverse proxies, by address or CIDR, whose X-Forwarded-For is believed: limits and the audit log count its clients, not it',
        ),
    })
    .prefault({}),
  slots: z
    .number()
    .int()
    .min(1)
    .max(slotsMax)
    .optional()
    .describe('Attempts that run at once on this machine; default: its cores, at least 2'),
  isolation: z
    .enum(['rootless', 'container'])
    .default('rootless')
    .describe(
      'The weakest class that jobs run in; a runner that offers less refuses them. Root gives container, or a control group that was delegated',
    ),
  egress: z
    .strictObject({
      default: z.enum(['none', 'open']).default('open').describe('What a job without its own rule may reach'),
      allow: z
        .array(cidrPort)
        .max(64)
        .default([])
        .describe('Exceptions to the ranges no job may reach, CIDR:port'),
    })
    .prefault({}),
  sources: z
    .strictObject({
      allow: z
        .array(z.string().max(255).refine(isException, 'expected host:port or CIDR:port'))
        .max(64)
        .default([])
        .describe('Private source hosts that checkout cells may reach, host:port or CIDR:port'),
      keepSeconds: z
        .number()
        .int()
        .min(0)
        .max(60)
        .default(60)
        .describe('How long an ssh connection may serve later fetches of its project; 0: only its own fetch'),
    })
    .prefault({}),
  metrics: z
    .strictObject({
      port: z
        .number()
        .int()
        .min(1)
        .max(65_535)
        .optional()
        .describe(
          'Port on 127.0.0.1 of GET /metrics for Prometheus, with a token that may metrics.read; default: none',
        ),
    })
    .prefault({}),
  traces: z
    .strictObject({
      endpoint: z
        .url({ protocol: /^https?$/, abort: true })
        .refine(
          isWithoutCredentials,
          'holds a name or a password, which stand in headersFile: Authorization: Basic …',
        )
        .optional()
        .describe('OpenTelemetry collector (OTLP over HTTP) that gets a trace of each run; default: none'),
      headersFile: z
        .string()
        .max(4096)
        .startsWith('/')
        .optional()
        .describe('File with headers for it, one `Name: value` a line, readable by the user mayfly'),
    })
    .prefault({}),
  webhooks: z
    .strictObject({
      allow: z
        .array(cidrPort)
        .max(64)
        .default([])
        .describe(
          'Addresses of this machine or its network that webhooks may be sent to, CIDR:port; only these also without TLS',
        ),
    })
    .prefault({}),
  retention: z
    .strictObject({
      logs: keptDays.default(30).describe('Days after the end of an attempt until its log is removed'),
      artifacts: keptDays.default(14).describe('Days until artifacts are removed'),
      tests: keptDays.default(30).describe('Days until results of tests are removed'),
    })
    .prefault({}),
  oidc: z
    .strictObject({
      base: z
        .url({ protocol: /^https?$/ })
        .max(1024)
        .regex(...webScheme)
        .regex(/^[^\s?#]*$/, 'must have no query')
        .optional()
        .describe(
          'What the issuer of identity tokens begins with, where it is a static site (mayfly oidc export); default: public_url',
        ),
    })
    .prefault({}),
  securityTxt: z
    .strictObject({
      contact: z
        .array(securityLink)
        .min(1)
        .max(10)
        .optional()
        .describe(
          'Whom to tell of a weakness, as mailto: or https:, best first, in /.well-known/security.txt (RFC 9116); default: there is none',
        ),
      expires: z.iso
        .datetime({ offset: true })
        .optional()
        .describe('Until when it is served, at most a year ahead, as 2027-06-30T00:00:00Z'),
      encryption: securityLink.optional().describe('Where the key for it is'),
      policy: securityLink.optional().describe('Where the policy is'),
      preferredLanguages: securityLine.optional().describe('As en, de'),
    })
    .refine(
      ({ contact, expires }) => (contact === undefined) === (expires === undefined),
      'needs contact and expires',
    )
    .prefault({}),
  trust: z
    .strictObject({
      ca: z
        .string()
        .max(4096)
        .regex(/^\/[^\0\n]*$/, 'must be an absolute path')
        .default('/etc/ssl/certs/ca-certificates.crt')
        .describe('Bundle of certificate authorities that jobs trust'),
    })
    .prefault({}),
})

export type Settings = z.output<typeof settingsSchema>
export const settingsJsonSchema = (): unknown => z.toJSONSchema(settingsSchema, { io: 'input' })

/**
 * The settings; at the first call of an installation they are written with what this machine needs, and said. `mayfly
 * run` shares them, so that what an operator took back stays taken back.
 */
export const ensureSettings = async (layout: Layout, say: (line: string) => void): Promise<Settings> => {
  if (!existsSync(layout.settings)) {
    const detected = await detectEgressAllow()
    for (const { what, entry } of detected)
      say(
        `the ${what} of this machine is at ${entry}, closed to jobs by default: allowed in ${layout.settings}`,
      )
    await ensureDirectory(layout.etc, 0o755)
    await writeFirstSettings(layout.settings, [...new Set(detected.map(({ entry }) => entry))])
  }
  return loadSettings(layout.settings)
}

const yearMs = 365 * 86_400_000

/** Null where it is served, or nobody wants one. One that is out of date must not be (RFC 9116), and is no reason not to start. */
export const securityTxtWords = (
  { securityTxt }: Pick<Settings, 'securityTxt'>,
  now: number,
): string | null => {
  if (securityTxt.expires === undefined) return null
  const leftMs = Date.parse(securityTxt.expires) - now
  if (leftMs > 0 && leftMs <= yearMs) return null
  const why = leftMs > 0 ? 'more than a year ahead' : 'over'
  return `securityTxt.expires is ${why}: /.well-known/security.txt is not served`
}

/** Reads the file; when there is none, the defaults. */
const loadSettings = async (path: string): Promise<Settings> => {
  if (!existsSync(path)) return settingsSchema.parse({})
  return parseSettings(await readFile(path, 'utf8'), path)
}

export const parseSettings = (text: string, path: string): Settings => {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true })
  const at = (offset: number | undefined) => {
    const { line, col } = lines.linePos(offset ?? 0)
    return `${path}:${line}:${col}`
  }
  const syntax = document.errors.map((error) => `${at(error.pos[0])}: ${error.message.split('\n')[0]}`)
  if (syntax.length > 0) throw fault('E_CONFIG_INVALID', { public: syntax.join('\n') })
  visit(document, {
    Alias: (_key, { range }) => {
      throw fault('E_CONFIG_INVALID', { public: `${at(range?.[0])}: write it out: aliases are not taken` })
    },
  })
  const parsed = settingsSchema.safeParse(document.toJS({ maxAliasCount: 0 }) ?? {})
  if (parsed.success) return parsed.data
  const problems = parsed.error.issues.flatMap((issue) => {
    const node = document.getIn(issue.path, true)
    const name = issue.path.join('.')
    // An unknown key is a problem of the map around it, but stands where somebody wrote it.
    if (issue.code === 'unrecognized_keys' && isMap(node))
      return issue.keys.map((key) => {
        const written = node.items.map((pair) => pair.key).find((each) => String(each) === key)
        const unknown = `Unrecognized key: ${JSON.stringify(key)}`
        return `${at(isNode(written) ? written.range?.[0] : 0)}: ${name === '' ? '' : `${name}: `}${unknown}`
      })
    return [`${at(isNode(node) ? node.range?.[0] : 0)}: ${name === '' ? '' : `${name}: `}${issue.message}`]
  })
  throw fault('E_CONFIG_INVALID', { public: problems.join('\n') })
}

/** Written once, at the first start, so that the operator sees what was detected and can take it back. */
const writeFirstSettings = async (path: string, egressAllow: readonly string[]): Promise<void> => {
  const allow = egressAllow.length === 0 ? ' []' : egressAllow.map((entry) => `\n    - ${entry}`).join('')
  await writeFileDurably(
    path,
    `# Settings of this Mayfly installation; docs/reference/config.md explains each. Restart to apply.
egress:
  # What a job without its own rule may reach: open (all but loopback, link-local, metadata, private ranges) or none.
  default: open
  # Exceptions to those ranges. Detected at the first start: the package registries of this machine resolve there.
  allow:${allow}
`,
    0o644,
  )
}
