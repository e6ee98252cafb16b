"""Whether an enrolment is of one person."""
