// POST /hooks/generic/:hook: what Git servers call. No session and no parsing here: the raw body goes to intake, which
// has the vault check its signature before anything reads it.
import type { FastifyInstance } from 'fastify'
import { fault, isFault } from '../../base/faults.ts'
import type { Intake } from '../use-cases.ts'
import { limits } from './limits.ts'
import { refuseTooMany } from './rate.ts'

export const bindHooks = (root: FastifyInstance, intake: Intake): void => {
  const hookRate = root.createRateLimit({
    max: limits.rate.hook,
    keyGenerator: (request) => `hook:${(request.params as { hook?: string }).hook ?? ''}`,
  })
  // A scope of its own: the parser that takes any bytes exists for this one route only.
  root.register(async (app) => {
    app.removeAllContentTypeParsers()
    app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
    app.route<{ Params: { hook: string } }>({
      method: 'POST',
      url: '/hooks/generic/:hook',
      bodyLimit: limits.hookBodyBytes,
      schema: { hide: true } as object,
      onRequest: async (request) => {
        if (request.headers.origin !== undefined) throw fault('E_CSRF', { detail: 'a browser called a hook' })
        await refuseTooMany(hookRate, 'hook', request).catch((error: unknown) => {
          if (isFault(error, 'E_RATE_LIMIT')) intake.refused(request.params.hook)
          throw error
        })
      },
      handler: async (request, reply) => {
        const body = Buffer.isBuffer(request.body) ? request.body : new Uint8Array()
        const { hook } = request.params
        const answer = await intake.accept({ hook, body, headers: request.headers })
        if (answer.retryAfterSeconds !== undefined) reply.header('retry-after', answer.retryAfterSeconds)
        return reply.code(answer.status).headers({ 'cache-control': 'no-store' }).send(answer.body)
      },
    })
  })
}
