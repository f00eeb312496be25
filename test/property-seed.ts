/**
 * Property tests try the same cases on every machine, so that what a run says is about the commit and not about luck.
 * `RLP_PROPERTY_SEED=7 npx vitest run …` tries others.
 */
import { configureGlobal } from "fast-check";

configureGlobal({ seed: Number(process.env["RLP_PROPERTY_SEED"] ?? 20_261_130) });
