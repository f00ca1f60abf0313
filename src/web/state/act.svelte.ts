// Something a person asks for that may fail: busy while it is under way, then done or the problem in words.
import { tick } from 'svelte'
import { type ApiProblem, asProblem } from './api.ts'
import { passkeyProblem } from './passkeys.ts'

export const createAct = () => {
  let isBusy = $state(false)
  let problem = $state.raw<ApiProblem | null>(null)
  return {
    get isBusy() {
      return isBusy
    },
    /** Of the last time; gone as soon as it is tried again. */
    get problem() {
      return problem
    },
    /** Never rejects: what went wrong is `problem`. */
    run: async (work: () => Promise<void>): Promise<void> => {
      const pressed = document.activeElement
      isBusy = true
      problem = null
      try {
        await work()
      } catch (error) {
        problem = passkeyProblem(error) ?? asProblem(error)
      } finally {
        isBusy = false
      }
      await tick()
      comeBack(pressed)
    },
  }
}

/** A button that could not be pressed meanwhile has lost the focus. */
const comeBack = (pressed: Element | null): void => {
  if (document.activeElement !== document.body || !(pressed instanceof HTMLElement)) return
  if (pressed.isConnected) pressed.focus({ preventScroll: true })
}
export type Act = ReturnType<typeof createAct>
