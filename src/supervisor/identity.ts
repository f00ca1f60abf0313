// What an installation is born with: its id, the vault's root key, the server's ticket key and TLS certificate, and
// the key of the runner on this machine. Made once, each readable by one user only; nothing here leaves the machine.
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  X509Certificate,
} from 'node:crypto'
import { existsSync } from 'node:fs'
import { lstat, mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock, RandomBytes } from '../base/clock.ts'
import { fault } from '../base/faults.ts'
import { formatId, type RunnerId, uuid7 } from '../base/ids.ts'
import { giveFile, run, writeFileDurably } from '../sys/index.ts'
import type { Layout } from './layout.ts'
import { makeOwnDirectory } from './left-behind.ts'
import type { Owner } from './postgres.ts'
import type { Users } from './users.ts'

export type Identity = {
  /** Names this installation in keys, cgroups and network namespaces. */
  readonly installation: string
  readonly ticketKeyFile: string
  /** base64url of the 32 raw bytes. */
  readonly ticketPublicKey: string
  readonly tlsKeyFile: string
  readonly tlsCertificateFile: string
  /** base64url SHA-256 of the certificate's public key. */
  readonly spkiSha256: string
  readonly runner: { readonly id: RunnerId; readonly keyFile: string; readonly publicKey: string }
}

type Deps = {
  readonly layout: Layout
  readonly users: Users | null
  readonly clock: Clock
  readonly randomBytes: RandomBytes
}

export const ensureIdentity = async (deps: Deps): Promise<Identity> => {
  const { layout, users } = deps
  await makeRootKey(deps)
  const installation = await keepText(
    join(layout.etc, 'installation'),
    () => Buffer.from(deps.randomBytes(8)).toString('hex'),
    null,
  )
  const server = join(layout.data, 'server')
  const ticketKeyFile = join(server, 'ticket.key')
  const ticketPublicKey = await keepSigningKey(ticketKeyFile, users?.server ?? null)
  const tls = await keepCertificate(server, users?.server ?? null)
  const runnerHome = join(layout.data, 'runner')
  const keyFile = join(runnerHome, 'runner.key')
  const publicKey = await keepSigningKey(keyFile, users?.runner ?? null)
  const id = await keepText(
    join(runnerHome, 'id'),
    () => formatId('runner', uuid7(deps.clock.now(), deps.randomBytes(10))),
    users?.runner ?? null,
  )
  return {
    installation,
    ticketKeyFile,
    ticketPublicKey,
    ...tls,
    runner: { id: id as RunnerId, keyFile, publicKey },
  }
}

/** 32 raw bytes, 0400, never inside the data or its backups: whoever has it and the keyring opens everything. */
const makeRootKey = async ({ layout, users, randomBytes }: Deps): Promise<void> => {
  if (existsSync(layout.rootKey)) {
    // Of root alone, as somebody puts a copy back: the vault could not read it.
    const found = await lstat(layout.rootKey)
    if (found.isFile() && found.nlink === 1 && (found.mode & 0o077) === 0)
      await handOver(layout.rootKey, users?.vault ?? null)
    return
  }
  if (existsSync(join(layout.data, 'vault', 'keyring')))
    throw fault('E_ROOT_KEY', {
      public: `The vault has data, but its root key ${layout.rootKey} is gone. Put it back from where you keep it.`,
    })
  await mkdir(layout.etc, { recursive: true, mode: 0o755 })
  await writeFileDurably(layout.rootKey, randomBytes(32), 0o400)
  await handOver(layout.rootKey, users?.vault ?? null)
}

/** Looked at by every start: one that was killed may have made a file, and not given it to who reads it. */
const handOver = async (path: string, owner: Owner | null): Promise<void> => {
  if (owner !== null) await giveFile(path, owner)
}

const keepText = async (path: string, make: () => string, owner: Owner | null): Promise<string> => {
  if (!existsSync(path)) await writeFileDurably(path, `${make()}\n`, 0o644)
  await handOver(path, owner)
  return (await readFile(path, 'utf8')).trim()
}

/** An Ed25519 key in PKCS#8 PEM; answers the public half, base64url raw. */
const keepSigningKey = async (path: string, owner: Owner | null): Promise<string> => {
  if (!existsSync(path)) {
    const { privateKey } = generateKeyPairSync('ed25519')
    await writeFileDurably(path, privateKey.export({ type: 'pkcs8', format: 'pem' }) as string, 0o600)
  }
  await handOver(path, owner)
  const key = createPublicKey(createPrivateKey(await readFile(path)))
  return key.export({ format: 'jwk' }).x ?? ''
}

/** P-256, self-signed, ten years: runners pin the key, so no authority and no name matter. */
const keepCertificate = async (directory: string, owner: Owner | null) => {
  const tlsKeyFile = join(directory, 'tls.key')
  const tlsCertificateFile = join(directory, 'tls.crt')
  if (!existsSync(tlsCertificateFile)) {
    // In a directory of ours, and the certificate gets its name last: with it the pair is whole.
    const fresh = await makeOwnDirectory('tls')
    try {
      const [key, certificate] = await makeCertificate(fresh)
      await writeFileDurably(tlsKeyFile, key)
      await writeFileDurably(tlsCertificateFile, certificate, 0o644)
    } finally {
      await rm(fresh, { recursive: true, force: true })
    }
  }
  for (const file of [tlsKeyFile, tlsCertificateFile]) await handOver(file, owner)
  const certificate = new X509Certificate(await readFile(tlsCertificateFile))
  const spki = certificate.publicKey.export({ type: 'spki', format: 'der' })
  return { tlsKeyFile, tlsCertificateFile, spkiSha256: createHash('sha256').update(spki).digest('base64url') }
}

const makeCertificate = async (directory: string): Promise<readonly [key: Buffer, certificate: Buffer]> => {
  const [key, certificate] = [join(directory, 'tls.key'), join(directory, 'tls.crt')]
  const made = await run(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '3650'],
      ...['-subj', '/CN=mayfly', '-keyout', key, '-out', certificate],
    ],
    { timeoutMs: 30_000 },
  )
  if (made.code !== 0)
    throw fault('E_MACHINE_NOT_READY', {
      public: 'openssl could not make the certificate',
      detail: made.stderr.toString(),
    })
  return [await readFile(key), await readFile(certificate)]
}
