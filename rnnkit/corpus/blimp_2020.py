"""Minimal pairs of English, BLiMP: published accuracy of language models and of people, by paradigm.

A. Warstadt, A. Parrish, H. Liu, A. Mohananey, W. Peng, S.-F. Wang, S. R. Bowman 2020: BLiMP: The Benchmark of Linguistic Minimal
Pairs for English. TACL 8, 377-392, table 3. Values by paradigm: raw_results/summary of the authors' repository
(github.com/alexwarstadt/blimp: models_summary.jsonl, human_validation_summary.csv). A model is right where the right one of two
whole sentences is more probable, in so many of the 1,000 pairs of a paradigm. Guessing gives 50 %.
"""

from __future__ import annotations

from collections.abc import Mapping

Published = Mapping[str, float]  # one of NAMES -> right answers in percent; a value that is not known is left out
NAMES = ("n-gram", "LSTM", "GPT-2", "human")
ABOUT = (
    "Published: Warstadt et al. 2020 (BLiMP), models on all 1,000 pairs of a paradigm, people on some of them. Those models were "
    "trained on far longer texts, and compare whole sentences. Here pairs whose words are known are asked, and where the file "
    "has a beginning and two forms, those two are compared."
)
SUBJECT_VERB_AGREEMENT: Published = {"n-gram": 60.3, "LSTM": 80.1, "GPT-2": 86.4}  # the mean of its six paradigms
PARADIGMS = {  # UID -> right answers in percent, in the order of NAMES
    "anaphor_gender_agreement": (43.9, 88.2, 99.4, 96.0),
    "anaphor_number_agreement": (51.9, 95.2, 99.2, 99.0),
    "animate_subject_passive": (70.3, 71.5, 76.6, 86.0),
    "animate_subject_trans": (90.7, 86.8, 84.9, 87.0),
    "causative": (53.5, 68.4, 78.2, 98.0),
    "drop_argument": (71.6, 78.9, 80.7, 86.9),
    "inchoative": (50.9, 65.3, 65.9, 82.0),
    "intransitive": (67.8, 78.5, 84.2, 90.0),
    "passive_1": (89.2, 71.9, 89.3, 95.0),
    "passive_2": (82.2, 72.5, 90.2, 86.0),
    "transitive": (70.8, 64.7, 86.0, 99.0),
    "principle_A_c_command": (57.8, 58.8, 73.7, 86.0),
    "principle_A_case_1": (100.0, 100.0, 100.0, 98.0),
    "principle_A_case_2": (48.9, 87.3, 94.8, 96.0),
    "principle_A_domain_1": (95.2, 98.3, 98.4, 95.0),
    "principle_A_domain_2": (56.4, 68.3, 77.5, 75.0),
    "principle_A_domain_3": (52.2, 55.2, 75.4, 82.9),
    "principle_A_reconstruction": (40.4, 46.4, 46.8, 78.0),
    "existential_there_object_raising": (83.5, 65.9, 78.4, 89.8),
    "existential_there_subject_raising": (77.4, 79.5, 91.1, 88.0),
    "expletive_it_object_raising": (71.5, 63.0, 79.2, 85.7),
    "tough_vs_raising_1": (32.6, 33.6, 72.0, 75.0),
    "tough_vs_raising_2": (77.4, 93.0, 88.9, 81.0),
    "determiner_noun_agreement_1": (88.3, 91.8, 98.8, 95.8),
    "determiner_noun_agreement_2": (86.3, 91.9, 97.7, 94.9),
    "determiner_noun_agreement_irregular_1": (85.4, 81.5, 95.7, 92.0),
    "determiner_noun_agreement_irregular_2": (90.4, 86.0, 95.3, 85.0),
    "determiner_noun_agreement_with_adj_2": (49.7, 86.2, 94.9, 96.0),
    "determiner_noun_agreement_with_adj_irregular_1": (53.0, 76.2, 92.7, 93.8),
    "determiner_noun_agreement_with_adj_irregular_2": (55.4, 82.9, 94.0, 85.0),
    "determiner_noun_agreement_with_adjective_1": (51.9, 86.7, 97.5, 95.0),
    "ellipsis_n_bar_1": (23.4, 67.8, 91.5, 92.0),
    "ellipsis_n_bar_2": (50.4, 67.4, 87.2, 78.0),
    "wh_questions_object_gap": (52.7, 79.4, 84.2, 85.0),
    "wh_questions_subject_gap": (82.0, 91.5, 95.6, 98.0),
    "wh_questions_subject_gap_long_distance": (85.6, 95.6, 87.1, 84.9),
    "wh_vs_that_no_gap": (82.5, 96.9, 96.8, 97.0),
    "wh_vs_that_no_gap_long_distance": (81.0, 97.3, 93.8, 91.9),
    "wh_vs_that_with_gap": (17.6, 42.8, 55.1, 77.0),
    "wh_vs_that_with_gap_long_distance": (20.0, 13.7, 56.3, 74.7),
    "irregular_past_participle_adjectives": (79.4, 92.8, 97.7, 99.0),
    "irregular_past_participle_verbs": (79.6, 85.3, 86.1, 95.0),
    "adjunct_island": (47.9, 67.4, 89.4, 94.0),
    "complex_NP_island": (49.7, 47.4, 72.2, 80.4),
    "coordinate_structure_constraint_complex_left_branch": (32.0, 30.1, 81.0, 90.0),
    "coordinate_structure_constraint_object_extraction": (59.3, 70.5, 85.4, 90.9),
    "left_branch_island_echo_question": (95.8, 31.6, 52.3, 91.0),
    "left_branch_island_simple_question": (56.5, 36.1, 87.1, 99.0),
    "sentential_subject_island": (60.5, 42.8, 35.5, 60.6),
    "wh_island": (56.2, 46.7, 78.9, 73.0),
    "matrix_question_npi_licensor_present": (1.2, 1.6, 65.4, 98.0),
    "npi_present_1": (46.8, 53.6, 64.8, 83.0),
    "npi_present_2": (46.9, 53.9, 64.3, 98.0),
    "only_npi_licensor_present": (56.6, 92.9, 94.5, 92.0),
    "only_npi_scope": (29.8, 36.4, 78.5, 72.0),
    "sentential_negation_npi_licensor_present": (92.7, 100.0, 97.1, 92.8),
    "sentential_negation_npi_scope": (44.7, 23.2, 73.2, 81.0),
    "existential_there_quantifiers_1": (90.5, 96.3, 99.5, 94.0),
    "existential_there_quantifiers_2": (62.3, 16.2, 42.4, 76.4),
    "superlative_quantifiers_1": (44.7, 62.8, 87.0, 91.0),
    "superlative_quantifiers_2": (16.5, 82.6, 87.2, 85.0),
    "distractor_agreement_relational_noun": (23.5, 76.0, 79.5, 81.0),
    "distractor_agreement_relative_clause": (21.7, 62.7, 65.7, 85.7),
    "irregular_plural_subject_verb_agreement_1": (72.6, 81.1, 92.8, 94.0),
    "irregular_plural_subject_verb_agreement_2": (87.6, 89.1, 92.4, 95.0),
    "regular_plural_subject_verb_agreement_1": (75.5, 89.0, 96.7, 95.0),
    "regular_plural_subject_verb_agreement_2": (80.9, 82.5, 91.0, 95.0),
}


def published(uid: str) -> Published | None:
    """Returns the published values of the paradigm with this UID, in the order of NAMES; None for any other text."""
    return dict(zip(NAMES, PARADIGMS[uid], strict=True)) if uid in PARADIGMS else None
