// The host keys of a source host that a person still has to look at: of a project that trusts none yet, and one that came
// in the place of a key that is trusted.
import type { Project } from '../../protocol/api/shapes.ts'

type HostKey = Project['host_keys'][number]

/** `ssh-ed25519` and its like. */
export const typeOf = ({ line }: HostKey): string =>
  line.split(' ').find((word) => /^(ssh|ecdsa|sk)-/.test(word)) ?? ''

/** A host has one key of each type: of the other types nobody needs to say anything once one is trusted. */
export const openHostKeys = ({ host_keys: keys }: Project): readonly HostKey[] => {
  const trusted = keys.filter(({ confirmed }) => confirmed)
  return keys.filter(
    (key) =>
      !key.confirmed && (trusted.length === 0 || trusted.some((other) => typeOf(other) === typeOf(key))),
  )
}

export const trustCommand = (project: Project, { fingerprint }: HostKey): string =>
  `mayfly project trust ${project.name} ${fingerprint}`
