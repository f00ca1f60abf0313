// Whose word the vault believes: this machine's key is enrolled with a one-time code of the operator, others are listed
// and removed. The code proves our key to the vault and the vault's key to us; the server in between can forge neither.

import { toBase64Url } from '../../base/bytes.ts'
import { fault } from '../../base/faults.ts'
import { parseId } from '../../base/ids.ts'
import { signerMac, signStatement, vaultMac } from '../../seal/index.ts'
import { connect } from '../api/connect.ts'
import { askHidden } from '../everywhere.ts'
import { inertText } from '../inert.ts'
import { writeTable } from '../look.ts'
import { ensureSignerKey, findSignerKey, requireSignerKey, statementHead } from '../secrets/signer-key.ts'
import { pinVaultKey, vaultFingerprint } from '../secrets/vault-pin.ts'
import type { Surroundings } from '../surroundings.ts'

type Json = { readonly json?: boolean }

export const enrolSigner = async (
  around: Surroundings,
  flags: Json & { readonly name?: string },
): Promise<number> => {
  const api = await connect(around)
  const code = Buffer.from(await askHidden(around, 'code of the operator', 'on standard input'))
    .toString('utf8')
    .trim()
  if (code === '') throw fault('E_INPUT', { public: 'the code comes from `mayfly vault signer-code`' })
  const key = await ensureSignerKey(around)
  const name = flags.name ?? around.environment.USER ?? 'command line'
  const record = { kind: 'ed25519' as const, name, public_key: toBase64Url(key.publicKey) }
  const answer = await api.call('signerEnroll', { body: { key: record, mac: await signerMac(code, record) } })
  const { vsign } = answer
  if (answer.mac !== (await vaultMac(code, { signer: key.id, vsign })))
    throw fault('E_VAULT_KEY_CHANGED', { public: 'the answer is not from the vault that made the code' })
  await pinVaultKey(around, vsign)
  if (flags.json) around.stdout.write(`${JSON.stringify({ id: key.id, vsign })}\n`)
  else
    around.stderr.write(inertText`${key.id} signs for you; its key is in ${key.path}, readable by you only\n`)
  return 0
}

export const listSigners = async (around: Surroundings, flags: Json): Promise<number> => {
  const page = await (await connect(around)).all('signers', {})
  if (flags.json) around.stdout.write(`${JSON.stringify(page)}\n`)
  else {
    const own = (await findSignerKey(around))?.id
    writeTable(
      around.stdout,
      ['SIGNER', 'NAME', 'PERSON', 'KIND', 'SINCE', 'BY', 'STATE'],
      page.items.map((s) => [
        s.id,
        s.id === own ? `${s.name} (this machine)` : s.name,
        s.person ?? '-',
        s.kind,
        s.added_at,
        s.added_by ?? '-',
        s.state,
      ]),
    )
  }
  return 0
}

export const showSigner = async (around: Surroundings, flags: Json): Promise<number> => {
  const key = await requireSignerKey(around)
  const { vsign } = await (await connect(around)).call('vaultKey', {})
  const shown = { id: key.id, public_key: toBase64Url(key.publicKey), vault: vaultFingerprint(vsign) }
  if (flags.json) around.stdout.write(`${JSON.stringify(shown)}\n`)
  else around.stdout.write(inertText`signer  ${shown.id}\nkey     ${key.path}\nvault   ${shown.vault}\n`)
  return 0
}

export const removeSigner = async (around: Surroundings, _flags: Json, text: string): Promise<number> => {
  const signer = parseId('signer', text)
  if (signer === null) throw fault('E_INPUT', { public: `"${text}" is no signer: sgn_…` })
  const key = await requireSignerKey(around)
  const head = statementHead(around, key, { sub: signer, prev: null })
  const statement = { ...head, type: 'signer.remove' as const, body: {} }
  await (await connect(around)).call('signerRemove', {
    params: { signer },
    body: { statement, proof: await signStatement(statement, key.privateKey) },
  })
  around.stderr.write(inertText`${signer} signs nothing any more; what it signed before still holds\n`)
  return 0
}
