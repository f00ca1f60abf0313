// The vault program. Started by the supervisor as its own user, in an empty network namespace, with an empty
// environment and its configuration on descriptor 3; says `{"ready":true,…}` on stdout once it listens.
import { readFileSync } from 'node:fs'
import { fault, isFault } from '../base/faults.ts'
import { createLog, handBackWhenQuiet, randomBytes, startHeartbeat, systemClock } from '../sys/index.ts'
import { listenVault, openVault, prepareSockets } from '../vault/index.ts'
import { parseVaultConfig, type VaultConfig } from './vault.config.ts'

// Node would open its inspector on SIGUSR1; a handler of our own prevents that.
process.on('SIGUSR1', () => undefined)
process.umask(0o077)

const log = createLog('vault')

const readConfig = (): VaultConfig => {
  const parsed = parseVaultConfig(readFileSync(3, 'utf8'))
  if (parsed.ok) return Object.freeze(parsed.value)
  throw fault('E_CONFIG_INVALID', { public: parsed.problems.map(({ message }) => message).join('; ') })
}

const start = async (): Promise<void> => {
  const config = readConfig()
  await prepareSockets(config)
  const vault = await openVault({ ...config, clock: systemClock, randomBytes, log })
  const front = await listenVault(vault, config)
  const stop = async (): Promise<void> => {
    await front.close()
    await vault.close()
    process.exit(0)
  }
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void stop())
  process.stdout.write(`${JSON.stringify({ ready: true, epoch: vault.epoch })}\n`)
  startHeartbeat()
  handBackWhenQuiet()
}

start().catch((error: unknown) => {
  log.error('the vault did not start', { error })
  process.exit(isFault(error) ? error.row.exit : 70)
})
