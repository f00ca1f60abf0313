// Checks a series of what an attempt used, which a runner says.
import { integer, list, nullable, object, type Shape, text, where } from '../base/shape.ts'
import { type UsageLimits, type UsageSeries, usagePointsMax } from './usage-series.ts'

const whole = integer({ min: 0, max: Number.MAX_SAFE_INTEGER })
const points = list(whole, { max: usagePointsMax })
const sizes = { cpuMilli: whole, memoryKiB: whole, diskKiB: whole }
const limits: Shape<UsageLimits> = object(sizes)

export const usageSeries: Shape<UsageSeries> = where(
  object({
    // What a date can be.
    startMs: integer({ min: 0, max: 8.64e15 }),
    ms: list(integer({ min: 1, max: 0x7fff_ffff }), { min: 1, max: usagePointsMax }),
    cpuMilli: nullable(points),
    memoryKiB: nullable(points),
    diskKiB: points,
    upBytes: points,
    downBytes: points,
    limits,
    smaller: nullable(object({ ...sizes, name: text({ max: 128 }) })),
  }),
  ({ ms, cpuMilli, memoryKiB, diskKiB, upBytes, downBytes }) =>
    [cpuMilli ?? ms, memoryKiB ?? ms, diskKiB, upBytes, downBytes].every((one) => one.length === ms.length),
  'must have lists of one length',
)
