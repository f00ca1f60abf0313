// What the double finds in other attempts: the word that was asked for, or nothing.
import type { LogSearchAnswer } from '../../../../src/protocol/api/log-search.ts'
import { idOf } from './ids.ts'

export const logSearchOf = (job: string, query: URLSearchParams): LogSearchAnswer => {
  const words = query.get('q') ?? ''
  const lineOf = (line: number, before: string, after: string) => ({
    ...{ step: { index: 3, name: 'npm test' }, line, text: `${before}${words}${after}` },
    ...{ from: before.length, to: before.length + words.length },
  })
  const lines =
    words === 'zzz'
      ? []
      : [
          lineOf(7, 'The sandbox said: ', ' and ended'),
          lineOf(1_204, '<script>alert(1)</script> \u202e', ` ${'very long '.repeat(30)}`),
        ]
  return {
    job_id: job,
    attempts: [
      {
        attempt: { id: idOf('att', 4_120_501), number: 1, status: 'errored' },
        ...{ count: lines.length === 0 ? 0 : 240, whole: lines.length === 0, expired: false, lines },
      },
    ],
    stopped: lines.length === 0 ? null : 'time',
  }
}
