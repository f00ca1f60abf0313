// A job that rules of a context or a policy kept from starting: whom they admit by now may have it carried out again.
import type { Job } from '../../protocol/api/shapes.ts'

const codes: ReadonlySet<string> = new Set(['unauthorized', 'policy'])

export const isRefused = ({ kind, status, reason }: Pick<Job, 'kind' | 'status' | 'reason'>): boolean =>
  kind === 'job' && status === 'skipped' && codes.has(reason?.code ?? '')
