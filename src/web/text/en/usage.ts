// What an attempt used of its machine.
import type { AttemptUsage } from '../../../protocol/api/usage.ts'

type Verdict = NonNullable<AttemptUsage['verdict']>

const shares = ({ memory_percent: memory, disk_percent: disk, cpu_percent: cpu }: Verdict): string =>
  [
    memory === null ? '' : `Peaked at ${memory} % of memory`,
    `${memory === null ? 'Peaked at ' : ''}${disk} % of disk`,
    cpu === null ? '' : `${cpu} % of its processor time`,
  ]
    .filter((part) => part !== '')
    .join(', ')

const advice: Readonly<Record<Verdict['word'], (smaller: string) => string>> = {
  smaller: (name) => `the class ${name} would do`,
  fits: () => 'the class fits',
  larger: () => 'a larger class is worth a try',
  unmeasured: () =>
    'this runner cannot count memory and processor of a job, because no control group was given to it',
}

export const usageText = {
  usage: {
    ofClass: 'class',
    title: 'Resources',
    verdict: (verdict: Verdict) => `${shares(verdict)}: ${advice[verdict.word](verdict.smaller ?? '')}.`,
    tooShort: 'Over in less than a second: nothing was read.',
    notYet: 'Read while somebody looks on: the first figures come within ten seconds.',
    noSandbox: 'No sandbox was opened for this attempt.',
    oomKills: (n: number) =>
      n === 1
        ? 'The kernel ended one process for want of memory.'
        : `The kernel ended ${n} processes for want of memory.`,
    throttled: (took: string) => `Held back by the limit of its processor for ${took} in all.`,
    names: { cpu: 'Processor', memory: 'Memory', disk: 'Disk in memory', network: 'Network' },
    cores: (n: string) => `${n} ${n === '1' ? 'core' : 'cores'}`,
    ofLimit: (value: string, limit: string) => `${value} of ${limit}`,
    most: (value: string) => `most ${value}`,
    perSecond: (bytes: string) => `${bytes}/s`,
    moment: 'Moment',
    momentAt: (offset: string, step: string | null) => (step === null ? offset : `${offset}, in ${step}`),
    table: 'As a table',
    tableName: 'Resources over time',
    time: 'Time',
    step: 'Step',
    chart: (name: string, most: string) => `${name} over time: ${most}`,
  },
}
