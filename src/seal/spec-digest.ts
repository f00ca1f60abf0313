// What "the same job" means to everybody who asks (foundation.md §2): the server that hands one out, the runner that compiles
// it again, the vault that compares. All that shapes what runs stands in a job's spec, and nothing else does.
import type { JobSpec } from '../protocol/plan.ts'
import { jcsDigest } from './jcs.ts'

export const specDigest = (spec: JobSpec): Promise<string> => jcsDigest(spec)
