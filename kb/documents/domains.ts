/** Domains that records belong to by what they are. Documents name their own; what names none is a note. */
export const DEFAULT_DOMAIN = "notes";
export const CONTACT_DOMAIN = "contacts";
/** What runs made. */
export const ARTIFACT_DOMAIN = "artifacts";
