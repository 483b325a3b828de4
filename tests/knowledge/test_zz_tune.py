import pytest, time
from convoship.lib.tenancy import tenant
from deployments.knowledge import recall, searching
from tests import factories
import os
def test_tune(db):
    w = factories.make_workspace()
    ids={}
    t=time.time()
    for body in recall.BODIES:
        a = factories.make_assistant(w, published=False, template=None, name=body)
        with tenant(w.id): recall.know(a, body)
        ids[body]=a.id
    print('known', time.time()-t)
    with tenant(w.id):
        name=os.environ.get('SET','tuning')
        t=time.time(); asked=recall.ask(ids,name); print('per question', (time.time()-t)/len(asked))
        print(name, 'r@1',recall.recall(asked,1),'r@3',recall.recall(asked,3),'r@5',recall.recall(asked))
        if name=='tuning':
            for o in asked:
                if o.place is None or o.place>1: print(o.place, '|', o.question.asked,'|', o.question.says, '->', o.best and (o.best.title, o.best.score))
            print(sorted(o.best.score for o in asked if o.place==1))
            print('wrong first', sorted(o.best.score for o in asked if o.place!=1 and o.best))
            for b,q in recall.outside():
                p=searching.find(ids[b],q,1); print(q,'->', p and (p[0].title,p[0].score))
            from deployments.knowledge import asked as A, vocabulary as V
            for o in asked:
                if o.place is None:
                    i=ids[o.question.body]; ab=V.about(i)
                    ts=A.terms(o.question.asked, A.lexicon_of(ab.languages))
                    W=searching._weighed(i, ts, ab)
                    print('##',o.question.asked, ab.languages)
                    for t,w in zip(ts,W): print('   ',t.form,round(t.weight,2),len(t.variants),list(t.variants)[:8],'|',[(p.query,round(p.worth,2)) for p in w.parts], round(w.whole,2))
                    for p in searching.find(i,o.question.asked,7): print('      ',p.score,p.title)
