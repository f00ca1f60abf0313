// Days as the forms offer them.

export const dayChoices = ['30', '90', '180', '365'] as const
export const overlapChoices = ['1', '7', '30'] as const

/** null: nothing was chosen. */
export const inSeconds = (days: string): number | null => (days === '' ? null : Number(days) * 86_400)
