// Routes about the installation itself: is everything up, what its errors mean, and compiling text without running it.
import type { AnswerOf } from '../../../protocol/api/routes.ts'
import type { SystemStatus } from '../../../protocol/api/shapes.ts'
import type { Handlers } from '../binder.ts'
import { errorKinds } from '../error-kinds.ts'

export type SystemRoutes = 'status' | 'errors' | 'lint'

export type Component = SystemStatus['components'][number]

/** Looks at one part of the installation; never throws. */
export type Check = () => Promise<Component>

/** Compiles hostile text away from the server's own memory and thread, with a deadline. */
export type Lint = (files: Readonly<Record<string, string>>) => Promise<AnswerOf<'lint'>>

export const systemHandlers = (deps: {
  readonly version: string
  readonly checks: readonly Check[]
  readonly lint: Lint
}): Pick<Handlers, SystemRoutes> => ({
  status: async ({ actor }) => {
    const components = await Promise.all(deps.checks.map((check) => check()))
    const healthy = components.every((component) => component.status !== 'down')
    // What exactly is weak or down helps an attacker more than a stranger.
    return { version: deps.version, healthy, components: actor === null ? [] : components }
  },
  errors: async () => ({ items: [...errorKinds], next_cursor: null }),
  lint: ({ body }) => deps.lint(body.files),
})
