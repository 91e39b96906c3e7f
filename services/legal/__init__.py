"""Legal owns what the law says of a case: candidate offences, limitation and feasibility of identification, then the
acts that follow from them: complaints, removal and preservation requests, hearings, judgments. Its rules are dated data
(`rules`), its engines and procedures pure functions (`domain`); a lawyer confirms every conclusion.

It computes the earliest limits of every act as soon as a case is opened, before any human reads it, and no money step
is known here: a filing waits for nobody's payment.
"""
