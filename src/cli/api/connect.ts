// What every server verb begins with.
import type { Surroundings } from '../surroundings.ts'
import { type ApiClient, createApiClient } from './client.ts'
import { findTarget } from './target.ts'

export const connect = async (around: Surroundings): Promise<ApiClient> =>
  createApiClient(await findTarget(around), (items) => {
    around.stderr.write(`mayfly: the list is longer; these are the first ${items}\n`)
  })
