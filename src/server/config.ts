// What the server is told, as one JSON document from the supervisor: closed, checked once, all problems together.
import * as z from 'zod'
import { isPlainOrigin } from '../base/plain-origin.ts'
import { isReservedName } from '../protocol/reserved-names.ts'
import { securityTxtSettings } from './http/security-txt.ts'
import { limits } from './limits.ts'
import { tracesSettings } from './telemetry/settings.ts'

const path = z
  .string()
  .max(4096)
  .regex(/^\/[^\0\n]*$/, 'must be an absolute path')
/** sun_path has 108 bytes with its end, and Node cuts longer ones silently. */
const socketPath = path.max(107)
const days = z.number().int().min(1).max(3650)
const port = z.number().int().min(0).max(65_535)
const publicUrl = z.url({ protocol: /^https?$/ }).refine(isPlainOrigin, 'must be scheme, host and port only')

export const serverConfig = z.strictObject({
  dataDir: path,
  objectsDir: path,
  database: z.strictObject({
    host: z.string().min(1).max(255),
    port: port.exactOptional(),
    database: z.string().min(1).max(63),
    user: z.string().min(1).max(63),
    passwordFile: path.exactOptional(),
  }),
  http: z.strictObject({
    /** `localhost` is both loopback addresses. */
    host: z.string().min(1).max(255).default('localhost'),
    port,
    /** Default: `http://localhost:<port>`. */
    publicUrl: publicUrl.optional(),
    /** Reverse proxies whose `X-Forwarded-For` is believed. */
    trustedProxies: z
      .array(z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()]))
      .max(32)
      .default([]),
  }),
  runner: z.strictObject({ port, host: z.string().max(255).optional(), keyFile: path, certFile: path }),
  sockets: z.strictObject({ operator: socketPath, vault: socketPath }),
  ticketKeyFile: path,
  /** Vite's output; null: no web interface. */
  webDir: path.nullable(),
  migrationsDir: path,
  localRepositoryRoots: z.array(path).max(256),
  organisation: z.strictObject({
    name: z
      .string()
      .min(1)
      .max(64)
      .regex(/^[a-z0-9][a-z0-9-]*$/)
      .refine((name) => !isReservedName(name), 'is a reserved word'),
  }),
  egressDefault: z.enum(['none', 'open']),
  /** What the supervisor says of its programs (protocol/roster.ts); null: none keeps us. */
  rosterFile: path.nullable().default(null),
  /** Prometheus metrics, on loopback; null: none are counted. */
  metrics: z.strictObject({ port }).nullable().default(null),
  /** Where traces of runs go (OTLP over HTTP); null: none are made. */
  traces: tracesSettings.nullable().default(null),
  /** Days until what people look for is removed. */
  retention: z.strictObject({ logs: days, artifacts: days, tests: days }).default(limits.retentionDays),
  webhooks: z
    .strictObject({
      /** Targets that are not of the public internet, as CIDR:port. */
      allow: z
        .array(z.string().regex(/^[0-9a-fA-F.:]+\/\d{1,3}:\d{1,5}$/))
        .max(64)
        .default([]),
      /** PEM of the authorities whose certificates are believed; null: those that Node brings. */
      authoritiesFile: path.nullable().default(null),
    })
    .prefault({}),
  securityTxt: securityTxtSettings.nullable().default(null),
  logLevel: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
})

export type ServerConfig = Readonly<z.output<typeof serverConfig>>
