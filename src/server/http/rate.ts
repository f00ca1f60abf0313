// How often somebody may ask, and how they are told (draft-ietf-httpapi-ratelimit-headers): each answer says how many
// requests are left and for how long, so that a program can slow down before it is refused.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { fault } from '../../base/faults.ts'

export type Rate = {
  readonly name: 'address' | 'credential' | 'hook'
  readonly limit: number
  readonly windowSeconds: number
  readonly remaining: number
  readonly resetSeconds: number
  readonly isExceeded: boolean
}

type RateCheck = ReturnType<FastifyInstance['createRateLimit']>

/** Counts the request; the narrowest limit that was looked at last is the one that is told. */
export const refuseTooMany = async (
  check: RateCheck,
  name: Rate['name'],
  request: FastifyRequest,
): Promise<void> => {
  const state = await check(request)
  if (state.isAllowed) return
  const { max, timeWindow, remaining, ttlInSeconds, isExceeded } = state
  const windowSeconds = Math.ceil(timeWindow / 1000)
  request.rate = { name, limit: max, windowSeconds, remaining, resetSeconds: ttlInSeconds, isExceeded }
  if (isExceeded) throw fault('E_RATE_LIMIT')
}

/** Fastify's `onSend` of every answer. The address alone is not told: many people may sit behind one. */
export const tellRate = async ({ rate }: FastifyRequest, reply: FastifyReply): Promise<void> => {
  if (rate === null || (rate.name === 'address' && !rate.isExceeded)) return
  reply.headers({
    'ratelimit-policy': `"${rate.name}";q=${rate.limit};w=${rate.windowSeconds}`,
    ratelimit: `"${rate.name}";r=${rate.remaining};t=${rate.resetSeconds}`,
  })
}
