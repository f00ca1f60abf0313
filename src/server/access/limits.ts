// Every number of sign-in, sessions, tokens and the claim in one place (trust-model.md §5.5, §5.6, §9).
const minuteMs = 60_000
const hourMs = 60 * minuteMs
const dayMs = 24 * hourMs

export const limits = {
  session: {
    idleMs: 12 * hourMs,
    absoluteMs: 7 * dayMs,
    touchEveryMs: minuteMs,
    freshMs: 10 * minuteMs,
    formerMs: 20_000,
  },
  claimMs: 30 * minuteMs,
  challengeMs: 5 * minuteMs,
  /** Attempts per window, counted before the credential is looked at. */
  attempts: {
    windowMs: minuteMs,
    signInPerAddress: 10,
    signInPerAccount: 5,
    challengesPerAddress: 30,
    claimPerAddress: 10,
  },
  /** 64 MiB each: at most so many at once, and so many waiting. */
  password: { atOnce: 2, waiting: 32, charactersMin: 12 },
  tokensPerOwnerMax: 100,
  projectsPerTokenMax: 50,
  /** So long a token that has expired stays in the list: whoever misses it finds why. */
  endedTokensShownMs: 30 * dayMs,
  passkeysPerPersonMax: 20,
  viewsPerPersonMax: 50,
  sessionsListed: 200,
  membersMax: 1_000,
  /** In a refusal: whom to ask. */
  ownersNamed: 5,
  invitationsMax: 100,
} as const
