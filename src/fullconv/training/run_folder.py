"""The names in a run's folder."""

MODEL = "model"  # the folder of the model that is kept
STATE = "last.pt"  # what a run resumes from
LOG = "log.jsonl"  # a line for each epoch
RECIPE = "recipe.json"
MANIFEST = "manifest.json"  # what the run was made from
FILES = "data.sha256"  # the digests of its pictures
TEACHER = "teacher"  # the folder of a teacher's scores
