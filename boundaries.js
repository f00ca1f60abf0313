// The import table as data. Read by .dependency-cruiser.mjs, test/tidy/ and ARCHITECTURE.md.
// A zone or an edge that is not here is refused. Changing it needs a decision record.

/** @type {Record<string, { trustedWith: string, mayImport: string[], mustNever: string, packages: string[] }>} */
export const zones = {
  base: {
    trustedWith: 'nothing',
    mayImport: [],
    mustNever: 'touch Node built-ins, read a clock or randomness',
    packages: [],
  },
  protocol: { trustedWith: 'nothing', mayImport: ['base'], mustNever: 'do I/O', packages: ['zod'] },
  seal: {
    trustedWith: 'keys it is given, while it works',
    mayImport: ['base', 'protocol'],
    mustNever: 'keep a key, touch Node built-ins (WebCrypto only)',
    packages: [],
  },
  schedule: {
    trustedWith: 'nothing',
    mayImport: ['base', 'protocol'],
    mustNever: 'read a clock, do I/O',
    packages: [],
  },
  compile: {
    trustedWith: 'hostile text',
    mayImport: ['base', 'protocol'],
    mustNever: 'use Node built-ins, environment, clock, network',
    packages: ['yaml', 're2js'],
  },
  sys: {
    trustedWith: 'the machine it runs on',
    mayImport: ['base'],
    mustNever: 'know a domain word (run, job, secret)',
    packages: [],
  },
  sandbox: {
    trustedWith: 'root-like powers on a runner',
    mayImport: ['base', 'protocol', 'sys'],
    mustNever: 'know server, runner or the database',
    packages: [],
  },
  runner: {
    trustedWith: "one attempt's secrets, for its lease",
    mayImport: ['base', 'protocol', 'seal', 'sys', 'sandbox'],
    mustNever: "parse configuration, reach the database or the vault's insides",
    packages: ['saxes'],
  },
  vault: {
    trustedWith: 'the keys',
    mayImport: ['base', 'protocol', 'seal', 'sys'],
    mustNever: 'import third-party code, be imported',
    packages: [],
  },
  server: {
    trustedWith: "tenants' data",
    mayImport: ['base', 'protocol', 'seal', 'schedule', 'compile', 'sys'],
    mustNever: 'run user code, open secrets, import sandbox, runner or vault',
    packages: [
      'fastify',
      'fastify-type-provider-zod',

      '@fastify/rate-limit',
      '@fastify/swagger',
      '@simplewebauthn/server',
      'kysely',
      'pg',
      'pino',
      'prom-client',
      'ws',
      'zod',
    ],
  },
  supervisor: {
    trustedWith: "the operator's powers at start and stop",
    mayImport: ['base', 'protocol', 'seal', 'sys'],
    mustNever: 'import server, runner or vault',
    packages: ['yaml', 'zod', 'pg'],
  },
  cli: {
    trustedWith: "the user's own token",
    mayImport: ['base', 'protocol', 'seal', 'schedule', 'compile', 'sys', 'sandbox', 'runner'],
    mustNever: 'import server',
    packages: ['commander', 'smol-toml', 'zod', 'ws'],
  },
  web: {
    trustedWith: "the user's session",
    mayImport: ['base', 'protocol', 'seal'],
    mustNever: 'use Node built-ins',
    packages: ['svelte', '@dagrejs/dagre', 'anser', 'fzstd', '@simplewebauthn/browser', 'zod'],
  },
  main: {
    trustedWith: 'composition',
    mayImport: [
      'base',
      'protocol',
      'seal',
      'schedule',
      'compile',
      'sys',
      'sandbox',
      'runner',
      'vault',
      'server',
      'supervisor',
      'cli',
    ],
    mustNever: 'be imported by anything',
    packages: ['commander'],
  },
}

/** Zones whose files are public one by one; every other zone is entered only through its doors. */
export const openZones = ['base', 'protocol']

/** Doors other than `index.ts`. */
export const extraDoors = { sandbox: ['jailer/index.ts'] }
