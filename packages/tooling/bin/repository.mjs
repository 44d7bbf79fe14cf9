import { nameRepository } from "../src/repository.mjs";

nameRepository();
