"""Legal owns what the law says of a case: candidate offences, limitation and feasibility of identification, then the
acts that follow from them: complaints, removal and preservation requests, hearings, judgments. Its rules are dated data
(`rules`), its engines and procedures pure functions (`domain`); a lawyer confirms every conclusion.
"""
