// The peers of one run of the bench, started when first asked for and stopped at its end, whatever happened.
import { openBuildbot } from './buildbot.ts'
import { openGitlabCiLocal } from './gitlab-ci-local.ts'
import { openLaminar } from './laminar.ts'
import type { Absent, Peer, PeerChoice, PeerName } from './peer.ts'

export type Peers = {
  /** All that were wanted; one that cannot be had says why. */
  readonly open: () => Promise<readonly (Peer | Absent)[]>
  readonly close: () => Promise<void>
}

type Opening = (directory: string) => Promise<Peer>

const openings: Readonly<Record<PeerName, Opening>> = {
  'gitlab-ci-local': openGitlabCiLocal,
  buildbot: openBuildbot,
  laminar: openLaminar,
}

const chosen: Readonly<Record<PeerChoice, readonly PeerName[]>> = {
  all: ['gitlab-ci-local', 'buildbot', 'laminar'],
  npm: ['gitlab-ci-local'],
  none: [],
}

export const createPeers = (choice: PeerChoice, directory: string): Peers => {
  let opening: Promise<readonly (Peer | Absent)[]> | null = null
  return {
    open: () => {
      opening ??= Promise.all(chosen[choice].map((name) => openOrSay(name, directory)))
      return opening
    },
    close: async () => {
      for (const peer of (await opening) ?? []) if ('close' in peer) await peer.close()
    },
  }
}

const openOrSay = async (name: PeerName, directory: string): Promise<Peer | Absent> => {
  try {
    return await openings[name](directory)
  } catch (error) {
    return { name, why: error instanceof Error ? error.message : String(error) }
  }
}
