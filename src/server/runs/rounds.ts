// Work for one organisation at a time: asked while it is under way, it is done once more, so that nothing is missed.
import type { OrganisationId } from '../../base/ids.ts'

export const createRounds = (
  work: (organisation: OrganisationId) => Promise<void>,
): ((organisation: OrganisationId) => Promise<void>) => {
  const busy = new Map<OrganisationId, { isAskedAgain: boolean }>()
  return async (organisation) => {
    const under = busy.get(organisation)
    if (under !== undefined) {
      under.isAskedAgain = true
      return
    }
    const round = { isAskedAgain: true }
    busy.set(organisation, round)
    try {
      while (round.isAskedAgain) {
        round.isAskedAgain = false
        await work(organisation)
      }
    } finally {
      busy.delete(organisation)
    }
  }
}
