// What every server verb begins with.
import { fault } from '../../base/faults.ts'
import { inertText } from '../inert.ts'
import type { Surroundings } from '../surroundings.ts'
import { type ApiClient, createApiClient } from './client.ts'
import { findTarget } from './target.ts'

export const connect = async (around: Surroundings): Promise<ApiClient> => {
  const api = createApiClient(await findTarget(around), {
    onCut: (items) => around.stderr.write(`mayfly: the list is longer; these are the first ${items}\n`),
    onLine: requestLines(around),
  })
  const wanted = around.wishes?.organisation ?? null
  if (wanted !== null) await requireOrganisation(api, wanted)
  return api
}

/** With `-R ORG/PROJECT`: a project of the same name in another one is not what was meant. */
const requireOrganisation = async (api: ApiClient, wanted: string): Promise<void> => {
  const name = (await api.call('me', {})).organisation?.name
  if (name !== wanted)
    throw fault('E_NOT_FOUND', { public: `there is no organisation ${wanted}; yours is ${name}` })
}

/** With `--debug`. */
export const requestLines = ({ stderr, wishes }: Surroundings): ((line: string) => void) | undefined =>
  wishes?.debug === true ? (line) => stderr.write(inertText`${line}\n`) : undefined
