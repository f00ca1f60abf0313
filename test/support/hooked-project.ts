// A project with its hook, and deliveries signed as a sender would sign them.
import { createHmac } from 'node:crypto'
import { fromBase64Url, toBase64Url, utf8Decode } from '../../src/base/bytes.ts'
import { parseId } from '../../src/base/ids.ts'
import { generateSealingKey, openHookSecret } from '../../src/seal/index.ts'
import { createIntake, type IntakeDeps } from '../../src/server/intake/intake.ts'
import { createProjects } from '../../src/server/projects/projects.ts'
import type { Parts } from './parts.ts'

export type HookedProject = Awaited<ReturnType<typeof addHookedProject>>

export const addHookedProject = async (parts: Parts, name: string) => {
  const projects = createProjects({
    ...parts,
    localRepositoryRoots: [],
    serverUrl: () => 'http://localhost:8420',
  })
  const eph = await generateSealingKey()
  const source = { kind: 'ssh' as const, url: `ssh://git@git.example/srv/${name}.git` }
  const made = await projects.create(parts.actor, { name, source, eph: toBase64Url(eph.publicKey) })
  const hook = parseId('hook', made.project.hook.id)!
  const secret = await openHookSecret(eph, fromBase64Url(made.hook_secret_sealed)!, hook)
  return { name, hook, secret: utf8Decode(secret!), id: parseId('project', made.project.id)!, projects }
}

/** `body` is signed as it stands. */
export const deliver = (
  deps: IntakeDeps,
  { hook, secret }: Pick<HookedProject, 'hook' | 'secret'>,
  body: object | Uint8Array,
) => {
  const bytes = body instanceof Uint8Array ? body : Buffer.from(JSON.stringify(body))
  const mac = createHmac('sha256', secret).update(bytes).digest('hex')
  return createIntake(deps).accept({ hook, body: bytes, headers: { 'x-mayfly-signature': `sha256=${mac}` } })
}
