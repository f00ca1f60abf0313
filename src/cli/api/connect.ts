// What every server verb begins with.
import { inertText } from '../inert.ts'
import type { Surroundings } from '../surroundings.ts'
import { type ApiClient, createApiClient } from './client.ts'
import { findTarget } from './target.ts'

export const connect = async (around: Surroundings): Promise<ApiClient> =>
  createApiClient(await findTarget(around), {
    onCut: (items) => around.stderr.write(`mayfly: the list is longer; these are the first ${items}\n`),
    onLine: requestLines(around),
  })

/** With `--debug`. */
export const requestLines = ({ stderr, wishes }: Surroundings): ((line: string) => void) | undefined =>
  wishes?.debug === true ? (line) => stderr.write(inertText`${line}\n`) : undefined
