export {
  type Experience,
  experienceSchema,
  type Knowledge,
  openKnowledge,
  type Remembered,
} from './knowledge.ts';
