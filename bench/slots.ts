// Slots of the installation under test, where a definition names no other number (PF-05).
export const slots = 8
export const fewSlots = 2
