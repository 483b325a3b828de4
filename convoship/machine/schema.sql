-- What the migrations below make in an empty database, in the words of pg_dump: written by `make schema`.
-- Whose it is and who may use it is the work of `migrate`, which loads it as the owner (docs/adr/0013).
-- PostgreSQL: 18
-- found: btree_gist citext pg_trgm unaccent vector
-- made: btree_gin
-- shared: 5a8d44c068af4531
-- migration: contenttypes 0001_initial 35ed8489a147e0b4
-- migration: contenttypes 0002_remove_content_type_name 7d36494075750f0e
-- migration: auth 0001_initial 845cff319606332f
-- migration: auth 0002_alter_permission_name_max_length feaf97e0e8f7d148
-- migration: auth 0003_alter_user_email_max_length 9d5657b4db9872dc
-- migration: auth 0004_alter_user_username_opts 9538db342c9a9bec
-- migration: auth 0005_alter_user_last_login_null 79f60a35dc000fdd
-- migration: auth 0006_require_contenttypes_0002 00cb16e3405f14b6
-- migration: auth 0007_alter_validators_add_error_messages 115db87dc327530f
-- migration: auth 0008_alter_user_username_max_length 02857f65f7d64814
-- migration: auth 0009_alter_user_last_name_max_length 19a89500e7f108a7
-- migration: auth 0010_alter_group_name_max_length 0963ed6498ac0b3a
-- migration: auth 0011_update_proxy_permissions 85a5dde708dc4b61
-- migration: auth 0012_alter_user_first_name_max_length 6cefbc9f80903763
-- migration: workspaces 0001_initial b094b81250b11c11
-- migration: account 0001_initial 6f27ff6bdf57521a
-- migration: account 0002_email_max_length c956ab7a3c3660a1
-- migration: account 0003_alter_emailaddress_create_unique_verified_email 66b6f1939621bcfa
-- migration: account 0004_alter_emailaddress_drop_unique_email ebc6317e90c47d7a
-- migration: account 0005_emailaddress_idx_upper_email e7569f1662da1754
-- migration: account 0006_emailaddress_lower 54adb08cb3fba66b
-- migration: account 0007_emailaddress_idx_email 87fad70bfde8ae29
-- migration: account 0008_emailaddress_unique_primary_email_fixup 794bf875bdbef9c4
-- migration: account 0009_emailaddress_unique_primary_email 79762cfa7b1e1d7c
-- migration: admin 0001_initial f4716989d9815b62
-- migration: admin 0002_logentry_remove_auto_add 2c127e659a2236ed
-- migration: admin 0003_logentry_add_action_flag_choices 02700a827190720e
-- migration: axes 0001_initial e4c0194cf158395b
-- migration: axes 0002_auto_20151217_2044 a092989bdd502de7
-- migration: axes 0003_auto_20160322_0929 ff269df1341caca0
-- migration: axes 0004_auto_20181024_1538 71cdafbe7458c772
-- migration: axes 0005_remove_accessattempt_trusted baf3f5f6de5b5ee8
-- migration: axes 0006_remove_accesslog_trusted 82850f25ae37e081
-- migration: axes 0007_alter_accessattempt_unique_together c9fdd81629030721
-- migration: axes 0008_accessfailurelog 2680dce9ecfcd4df
-- migration: axes 0009_add_session_hash 82762be269ea4c62
-- migration: axes 0010_accessattemptexpiration 524ca5b4566a41b8
-- migration: workspaces 0002_wall 3caa8f2c343e5b31
-- migration: workspaces 0003_staff_workspaces e9ab3e09723be76a
-- migration: workspaces 0004_secret bb1e35f6c7769255
-- migration: workspaces 0005_secretpages 43dd14be0990793b
-- migration: workspaces 0006_duty 919954b3cb9b62ca
-- migration: workspaces 0007_secret_hosts 0fb407b98ca49dbd
-- migration: deployments 0001_initial fe3f1fcc558ecae3
-- migration: deployments 0002_initial a5c60ddbdf994b09
-- migration: deployments 0003_wall eb5a6e675194dba2
-- migration: deployments 0004_deploying cf49c3f445ed921a
-- migration: deployments 0005_deploying_wall 184e5e73cbb8c226
-- migration: deployments 0006_numbers_counted 762c000ff14d5f62
-- migration: deployments 0007_versions_never_change 9985f39ce3e18a74
-- migration: deployments 0008_rollouts_way_back 9325638e488058b4
-- migration: deployments 0009_preview_makers 749ee4b3baadbae2
-- migration: deployments 0010_identities 44529cb7378d49b1
-- migration: deployments 0011_limits 7a0bd4f90a4db979
-- migration: deployments 0012_files 3a54e60d003a0216
-- migration: deployments 0013_handoffs 3f13ebeada50c054
-- migration: deployments 0014_talk 6960d0df7a5e61b2
-- migration: deployments 0015_list 115b01e278a3bced
-- migration: deployments 0016_list_indexes 572c00e353bf74dd
-- migration: deployments 0017_mail c381b37f7408d6d4
-- migration: deployments 0018_not_idle d591eeb45048790f
-- migration: deployments 0019_telling b3ec24f94aec19fb
-- migration: deployments 0020_whatsapp 6123cff093be5da7
-- migration: deployments 0021_upfiles 5197f00d075ec4d4
-- migration: deployments 0022_renewals d60cf88c0ab8978b
-- migration: deployments 0023_held 6377b88fba005d99
-- migration: deployments 0024_people 4ffef36feff5f583
-- migration: deployments 0025_wtemplates 9c428355e9e97d78
-- migration: deployments 0026_thinking adc35122e550d293
-- migration: deployments 0027_stop 76af1b08dce90fa9
-- migration: deployments 0028_know 64f116181b7b5b18
-- migration: deployments 0029_hook c470214ebd8ded83
-- migration: deployments 0030_budget ee694522681d79f3
-- migration: deployments 0031_money 9dff077a5bcb86b4
-- migration: deployments 0032_outm a164f88e4055b288
-- migration: deployments 0033_secm 224ce2818bb03e06
-- migration: deployments 0034_answerers 203ea10a54bab802
-- migration: channels_app 0001_initial a22668ea78ab727c
-- migration: channels_app 0002_wall 6ed93331c2b60b1d
-- migration: channels_app 0003_gateway 7b4cea5519c5f735
-- migration: channels_app 0004_faults f56bdac7bae33717
-- migration: channels_app 0005_rehearsal 6ca353c4ec6dc5ab
-- migration: channels_app 0006_limits d198722249c4553d
-- migration: channels_app 0007_mend a3aed5b25333b905
-- migration: channels_app 0008_whatsapp 8d20d5a37d1a1710
-- migration: channels_app 0009_stage 15cafaf2b7888ff9
-- migration: channels_app 0010_media 4f03edda9f7ae4e6
-- migration: channels_app 0011_refused_id 745f6d4e81bcfdac
-- migration: channels_app 0012_m6locks a9cb99cf3531b6cd
-- migration: channels_app 0013_calls 2d0c6666c7a25276
-- migration: channels_app 0014_callpages 3b1e28c1b0dd77db
-- migration: channels_app 0015_transfer 58ba4b22665f72b0
-- migration: channels_app 0016_phone b2824a1f55e14c5b
-- migration: channels_app 0017_gone bc78e93e2fca0a7d
-- migration: channels_app 0018_rung 21b2d19df37f85a5
-- migration: channels_app 0019_no_returned_transfer 1fc81db5774fe6e0
-- migration: channels_app 0020_last_test 0e806c4791308fe0
-- migration: channels_app 0021_desk_cases 05e42363b6ca6d6f
-- migration: channels_app 0022_sound_of_calls ba5615f04bd86d0a
-- migration: channels_app 0023_media_beat eafd5b984fafc789
-- migration: channels_app 0024_own_recordings 9fe7bc052f66ec0e
-- migration: sessions 0001_initial 2aa438e2393ee513

CREATE FUNCTION public.all_workspaces() RETURNS SETOF uuid
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$ SELECT id FROM workspaces_workspace ORDER BY id $$;

CREATE FUNCTION public.channel_backlog() RETURNS timestamp with time zone
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$ 
    SELECT min(since) FROM (
        SELECT greatest(e.due_at, e.leased_until) AS since
          FROM channels_app_inboundevent e JOIN channels_app_connection c ON c.id = e.connection_id
         WHERE e.state = 'received' AND e.due_at <= now() AND (e.leased_until IS NULL OR e.leased_until < now())
           AND c.state = 'active'
           AND (e.kind = 'status' OR NOT EXISTS (
                 SELECT 1 FROM channels_app_inboundevent b
                  WHERE b.connection_id = e.connection_id AND b.lane = e.lane AND b.state = 'received'
                    AND b.kind <> 'status' AND (b.received_at, b.id) < (e.received_at, e.id)))
        UNION ALL
        SELECT greatest(d.due_at, d.leased_until, c.rests_until)
          FROM channels_app_delivery d JOIN channels_app_connection c ON c.id = d.connection_id
         WHERE d.status = 'queued' AND d.due_at <= now() AND (d.leased_until IS NULL OR d.leased_until < now())
           AND c.state = 'active' AND (c.rests_until IS NULL OR c.rests_until <= now())
           AND NOT EXISTS (SELECT 1 FROM channels_app_delivery p
                            WHERE p.lane = d.lane AND p.position < d.position AND p.status = 'queued')
    ) AS waiting
 $$;

CREATE FUNCTION public.due_answers(p_limit integer) RETURNS TABLE(workspace_id uuid, id uuid)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$ 
    SELECT t.workspace_id, t.conversation_id FROM deployments_turn t
     WHERE t.status IN ('queued', 'running')
     GROUP BY t.workspace_id, t.conversation_id
    HAVING bool_and(t.leased_until IS NULL OR t.leased_until < now())
     ORDER BY min(t.created_at) LIMIT p_limit $$;

CREATE FUNCTION public.due_budget_notices(p_limit integer) RETURNS TABLE(workspace_id uuid, id uuid)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$ 
    SELECT n.workspace_id, n.id FROM deployments_budgetnotice n
     WHERE n.due_at <= now() ORDER BY n.due_at LIMIT p_limit $$;

CREATE FUNCTION public.due_call_courses(p_limit integer) RETURNS TABLE(workspace_id uuid)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$ 
            SELECT c.workspace_id FROM channels_app_callcourse c
             WHERE c.due_at IS NOT NULL AND c.due_at <= now() AND (c.leased_until IS NULL OR c.leased_until < now())
             GROUP BY c.workspace_id ORDER BY min(c.due_at) LIMIT p_limit
             $$;

CREATE FUNCTION public.due_callbacks(p_limit integer) RETURNS TABLE(workspace_id uuid)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$ 
    SELECT DISTINCT c.workspace_id FROM (
        SELECT workspace_id FROM deployments_webhookcallback
         WHERE expires_at < now() - interval '1 hour' ORDER BY expires_at LIMIT p_limit) c $$;

CREATE FUNCTION public.due_channel_work(p_limit integer) RETURNS TABLE(kind text, workspace_id uuid)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$ SELECT kind, workspace_id FROM (
    (SELECT 'event'::text AS kind, e.workspace_id, min(e.due_at) AS since
       FROM channels_app_inboundevent e JOIN channels_app_connection c ON c.id = e.connection_id
      WHERE e.state = 'received' AND e.due_at <= now() AND (e.leased_until IS NULL OR e.leased_until < now())
        AND c.state = 'active'
      GROUP BY e.workspace_id)
    UNION ALL
    (SELECT 'delivery', d.workspace_id, min(d.due_at)
       FROM channels_app_delivery d JOIN channels_app_connection c ON c.id = d.connection_id
      WHERE d.status = 'queued' AND d.due_at <= now() AND (d.leased_until IS NULL OR d.leased_until < now())
        AND c.state = 'active' AND (c.rests_until IS NULL OR c.rests_until <= now())
      GROUP BY d.workspace_id)
    UNION ALL
    (SELECT 'templates', t.workspace_id, min(t.due_at)
       FROM channels_app_templatesync t JOIN channels_app_connection c ON c.id = t.connection_id
      WHERE t.due_at <= now() AND (t.leased_until IS NULL OR t.leased_until < now()) AND c.state = 'active'
      GROUP BY t.workspace_id)
    UNION ALL
    (SELECT 'media', m.workspace_id, min(m.due_at)
       FROM channels_app_inboundmedia m JOIN channels_app_connection c ON c.id = m.connection_id
      WHERE m.state = 'waiting' AND m.due_at <= now() AND (m.leased_until IS NULL OR m.leased_until < now())
        AND c.state = 'active'
      GROUP BY m.workspace_id)

    UNION ALL
    (SELECT 'call', k.workspace_id, min(k.due_at)
       FROM channels_app_call k
      WHERE k.state <> 'ended' AND k.due_at <= now() AND (k.leased_until IS NULL OR k.leased_until < now())
      GROUP BY k.workspace_id)
    UNION ALL
    (SELECT 'recording', r.workspace_id, min(r.due_at)
       FROM channels_app_callrecording r JOIN channels_app_connection c ON c.id = r.connection_id
      WHERE (r.state IN ('made', 'fetching') AND (c.state = 'active' OR r.is_own) OR r.state = 'deleted' AND r.url <> '')
        AND r.due_at <= now() AND (r.leased_until IS NULL OR r.leased_until < now())
      GROUP BY r.workspace_id)
 ORDER BY since LIMIT p_limit) AS due $$;

CREATE FUNCTION public.due_desk_cases(p_limit integer) RETURNS TABLE(workspace_id uuid)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$ 
            SELECT c.workspace_id FROM channels_app_deskcase c
              JOIN channels_app_connection n ON n.id = c.connection_id AND n.state = 'active'
                   AND n.stopped_since IS NULL AND (n.rests_until IS NULL OR n.rests_until <= now())
             WHERE c.look_at <= now() AND (c.leased_until IS NULL OR c.leased_until < now())
             GROUP BY c.workspace_id ORDER BY min(c.look_at) LIMIT p_limit
             $$;

CREATE FUNCTION public.due_embeddings(p_limit integer) RETURNS TABLE(workspace_id uuid, id uuid)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$ SELECT e.workspace_id, e.id FROM deployments_knowledgeembedding e
                WHERE e.due_at <= now() AND coalesce(e.leased_until, '-infinity') < now()
                ORDER BY e.due_at LIMIT p_limit $$;

CREATE FUNCTION public.due_erasures(p_limit integer) RETURNS TABLE(workspace_id uuid, id uuid)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$ SELECT p.workspace_id, p.id FROM deployments_person p
                WHERE p.erasing_at IS NOT NULL AND p.erased_at IS NULL AND p.merged_into_id IS NULL
                ORDER BY p.erasing_at LIMIT p_limit $$;

CREATE FUNCTION public.due_files(p_limit integer) RETURNS TABLE(workspace_id uuid, id uuid)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$ SELECT f.workspace_id, f.id FROM deployments_file f
                WHERE f.message_id IS NULL AND f.created_at < now() - interval '2 hours'
                ORDER BY f.created_at LIMIT p_limit $$;

CREATE FUNCTION public.due_knowledge(p_limit integer) RETURNS TABLE(workspace_id uuid, id uuid)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$ 
    WITH due AS (
        SELECT s.workspace_id, s.id, s.due_at,
               row_number() OVER (PARTITION BY s.workspace_id ORDER BY s.due_at, s.id) AS place
          FROM deployments_knowledgesource s
         WHERE s.due_at <= now() AND coalesce(s.leased_until, '-infinity') < now()
    ), served AS (
        SELECT t.workspace_id, max(t.tried_at) AS at FROM deployments_knowledgesource t
         WHERE t.workspace_id IN (SELECT due.workspace_id FROM due) GROUP BY t.workspace_id
    )
    SELECT due.workspace_id, due.id FROM due JOIN served USING (workspace_id)
     ORDER BY due.place, served.at NULLS FIRST, due.due_at LIMIT p_limit $$;

CREATE FUNCTION public.due_member_mails(p_limit integer) RETURNS TABLE(workspace_id uuid, id uuid)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$ 
    SELECT c.workspace_id, c.id FROM deployments_conversation c
     WHERE c.control = 'waiting' AND c.members_told_at IS NULL
       AND (c.telling_until IS NULL OR c.telling_until < now())
       AND (c.members_mailed_at IS NULL OR c.members_mailed_at < now() - interval '5 minutes')
     ORDER BY c.waiting_since LIMIT p_limit $$;

CREATE FUNCTION public.due_mentions(p_limit integer) RETURNS TABLE(workspace_id uuid, id uuid)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$ SELECT m.workspace_id, m.id FROM deployments_mention m
                WHERE m.due_at <= now() ORDER BY m.due_at LIMIT p_limit $$;

CREATE FUNCTION public.due_reply_mails(p_limit integer) RETURNS TABLE(workspace_id uuid, id uuid)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$ SELECT m.workspace_id, m.id FROM deployments_replymail m
                WHERE m.state = 'queued' AND m.due_at <= now()
                  AND (m.leased_until IS NULL OR m.leased_until < now())
                ORDER BY m.due_at LIMIT p_limit $$;

CREATE FUNCTION public.due_steps(p_limit integer) RETURNS TABLE(kind text, workspace_id uuid, id uuid)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$ SELECT kind, workspace_id, id FROM (
    (SELECT 'turn'::text AS kind, t.workspace_id, t.conversation_id AS id, min(t.created_at) AS since
       FROM deployments_turn t
      WHERE t.status IN ('queued', 'running')
        AND coalesce(t.leased_until, t.created_at + interval '10 seconds') < now()
      GROUP BY t.workspace_id, t.conversation_id
      ORDER BY since LIMIT p_limit)
    UNION ALL
    (SELECT 'handoff', h.workspace_id, h.conversation_id, h.due_at
       FROM deployments_handoff h
      WHERE h.ended_at IS NULL AND h.due_at < now()
      ORDER BY h.due_at LIMIT p_limit)
    UNION ALL
    (SELECT 'idle', c.workspace_id, c.id, c.last_activity_at
       FROM deployments_conversation c
      WHERE c.status = 'active' AND c.control <> 'waiting'
        AND (c.snoozed_until IS NULL OR c.snoozed_until <= now())
        AND NOT EXISTS (SELECT FROM deployments_replymail m
                         WHERE m.conversation_id = c.id AND m.used_at IS NULL AND m.link_until > now())
        AND c.last_activity_at < now() - CASE WHEN c.channel = 'web' THEN interval '24 hours' ELSE interval '72 hours' END
      ORDER BY c.last_activity_at LIMIT p_limit)
    UNION ALL
    (SELECT 'silent', c.workspace_id, c.id, c.silent_at
       FROM deployments_conversation c
      WHERE c.silent_at < now()
      ORDER BY c.silent_at LIMIT p_limit)
    UNION ALL
    (SELECT 'wake', c.workspace_id, c.id, c.snoozed_until
       FROM deployments_conversation c
      WHERE c.snoozed_until < now()
      ORDER BY c.snoozed_until LIMIT p_limit)
    ORDER BY since
    LIMIT p_limit
) AS due $$;

CREATE FUNCTION public.due_work(p_limit integer) RETURNS TABLE(kind text, workspace_id uuid, id uuid)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$ SELECT kind, workspace_id, id FROM (
    (SELECT 'turn'::text AS kind, t.workspace_id, t.conversation_id AS id, min(t.created_at) AS since
       FROM deployments_turn t
      WHERE t.status IN ('queued', 'running')
        AND coalesce(t.leased_until, t.created_at + interval '10 seconds') < now()
      GROUP BY t.workspace_id, t.conversation_id
      ORDER BY since LIMIT p_limit)
    UNION ALL
    (SELECT 'tell_members', c.workspace_id, c.id, c.waiting_since
       FROM deployments_conversation c
      WHERE c.control = 'waiting' AND c.members_told_at IS NULL
      ORDER BY c.waiting_since LIMIT p_limit)
    UNION ALL
    (SELECT 'handoff', h.workspace_id, h.conversation_id, h.due_at
       FROM deployments_handoff h
      WHERE h.ended_at IS NULL AND h.due_at < now()
      ORDER BY h.due_at LIMIT p_limit)
    UNION ALL
    (SELECT 'idle', c.workspace_id, c.id, c.last_activity_at
       FROM deployments_conversation c
      WHERE c.status = 'active' AND c.control <> 'waiting'
        AND (c.snoozed_until IS NULL OR c.snoozed_until <= now())
        AND NOT EXISTS (SELECT FROM deployments_replymail m
                         WHERE m.conversation_id = c.id AND m.used_at IS NULL AND m.link_until > now())
        AND c.last_activity_at < now() - CASE WHEN c.channel = 'web' THEN interval '24 hours' ELSE interval '72 hours' END
      ORDER BY c.last_activity_at LIMIT p_limit)
    UNION ALL
    (SELECT 'silent', c.workspace_id, c.id, c.silent_at
       FROM deployments_conversation c
      WHERE c.silent_at < now()
      ORDER BY c.silent_at LIMIT p_limit)
    UNION ALL
    (SELECT 'wake', c.workspace_id, c.id, c.snoozed_until
       FROM deployments_conversation c
      WHERE c.snoozed_until < now()
      ORDER BY c.snoozed_until LIMIT p_limit)
    ORDER BY since
    LIMIT p_limit
) AS due $$;

CREATE FUNCTION public.keep_key_of_file() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
    INSERT INTO deployments_gonefile (key, due_at) VALUES (OLD.key, now()) ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;

CREATE FUNCTION public.keep_words_of_message() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    NEW.words := public.words_of_message(NEW.author_kind, NEW.status, NEW.text);
    RETURN NEW;
END
$$;

CREATE FUNCTION public.locate_reply_mail(p_mail uuid) RETURNS TABLE(workspace_id uuid)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$ SELECT m.workspace_id FROM deployments_replymail m WHERE m.id = p_mail $$;

CREATE FUNCTION public.locate_session(p_session uuid) RETURNS TABLE(workspace_id uuid, deployment_id uuid)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$ SELECT s.workspace_id, s.deployment_id FROM deployments_visitorsession s WHERE s.id = p_session $$;

CREATE FUNCTION public.pulse(p_sessions uuid[]) RETURNS TABLE(session_id uuid, head_seq integer, rev integer, status text, control text, access_rev integer)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$ 
    SELECT s.id, c.head_seq, c.rev, c.status::text, c.control::text, d.access_rev + CASE WHEN d.expires_at <= now() THEN 1 ELSE 0 END AS access_rev
      FROM deployments_visitorsession s
      JOIN deployments_conversation c ON c.id = s.conversation_id
      JOIN deployments_deployment d ON d.id = s.deployment_id
     WHERE s.id = ANY(p_sessions)
 $$;

CREATE FUNCTION public.resolve_api_key(p_digest bytea) RETURNS TABLE(workspace_id uuid, key_id uuid)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$ SELECT k.workspace_id, k.id FROM workspaces_apikey k WHERE k.digest = p_digest $$;

CREATE FUNCTION public.resolve_callback(p_digest bytea) RETURNS TABLE(workspace_id uuid, id uuid)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$ SELECT c.workspace_id, c.id FROM deployments_webhookcallback c WHERE c.digest = p_digest $$;

CREATE FUNCTION public.resolve_connection(p_connection uuid) RETURNS TABLE(workspace_id uuid, kind text)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$ SELECT c.workspace_id, c.kind::text FROM channels_app_connection c WHERE c.id = p_connection $$;

CREATE FUNCTION public.resolve_continuation(p_digest bytea) RETURNS TABLE(workspace_id uuid, deployment_id uuid, token_id uuid, conversation_id uuid)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$ SELECT t.workspace_id, t.deployment_id, t.id, t.conversation_id FROM deployments_previewtoken t
                WHERE t.digest = p_digest AND t.expires_at > now() AND t.conversation_id IS NOT NULL $$;

CREATE FUNCTION public.resolve_preview(p_digest bytea) RETURNS TABLE(workspace_id uuid, deployment_id uuid, token_id uuid)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$ SELECT t.workspace_id, t.deployment_id, t.id FROM deployments_previewtoken t
                WHERE t.digest = p_digest AND t.expires_at > now() AND t.conversation_id IS NULL $$;

CREATE FUNCTION public.resolve_session(p_digest bytea) RETURNS TABLE(workspace_id uuid, session_id uuid, deployment_id uuid, conversation_id uuid)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$ SELECT s.workspace_id, s.id, s.deployment_id, s.conversation_id
                 FROM deployments_sessiontoken t JOIN deployments_visitorsession s ON s.id = t.session_id
                WHERE t.digest = p_digest $$;

CREATE FUNCTION public.resolve_token(p_digest bytea) RETURNS TABLE(workspace_id uuid, deployment_id uuid, token_id uuid)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$ SELECT t.workspace_id, t.deployment_id, t.id FROM deployments_deploymenttoken t WHERE t.digest = p_digest $$;

CREATE FUNCTION public.search_conversations(p_text text, p_before timestamp with time zone, p_before_id uuid, p_limit integer, p_look integer) RETURNS TABLE(conversation_id uuid, message_id uuid, seq integer, at timestamp with time zone)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$ 
    WITH asked AS MATERIALIZED (
        SELECT search_query(p_text) AS query, nullif(current_setting('app.workspace_id', true), '')::uuid AS workspace,
               coalesce(p_before, 'infinity'::timestamptz) AS before
    ),
    latest AS MATERIALIZED (
        SELECT m.conversation_id, m.id, m.seq, m.created_at, m.words @@ (SELECT query FROM asked) AS has_them
          FROM deployments_message m
         WHERE m.workspace_id = (SELECT workspace FROM asked) AND m.words IS NOT NULL
           AND m.created_at <= (SELECT before FROM asked)
         ORDER BY m.created_at DESC LIMIT p_look
    ),
    said_lately AS MATERIALIZED (
        SELECT s.conversation_id, s.id, s.seq, s.created_at FROM (
            SELECT * FROM (
                SELECT DISTINCT ON (conversation_id) conversation_id, id, seq, created_at
                  FROM latest WHERE has_them ORDER BY conversation_id, created_at DESC, seq DESC
            ) AS newest ORDER BY created_at DESC, conversation_id DESC
        ) AS s
         WHERE (s.created_at, s.conversation_id) < ((SELECT before FROM asked), p_before_id)
            AND NOT EXISTS (SELECT FROM deployments_conversation c JOIN deployments_person p ON p.id = c.person_id
                             WHERE c.id = s.conversation_id
                               AND (c.is_test OR words_of_person(p.name, p.email) @@ (SELECT query FROM asked)))
            AND (p_before IS NULL OR NOT EXISTS (
                    SELECT FROM deployments_message m
                     WHERE m.conversation_id = s.conversation_id AND m.seq > s.seq
                       AND m.words @@ (SELECT query FROM asked)))
          ORDER BY s.created_at DESC, s.conversation_id DESC LIMIT p_limit
    ),
    is_enough AS MATERIALIZED (
        SELECT count(*) < p_look OR (SELECT count(*) FROM said_lately) >= p_limit
               OR (SELECT querytree(query) = 'T' FROM asked) AS yes,
               min(created_at) AS until
          FROM latest
    ),
    said AS MATERIALIZED (
        SELECT DISTINCT ON (conversation_id) conversation_id, id, seq, created_at FROM (
            SELECT conversation_id, id, seq, created_at FROM latest
             WHERE has_them AND NOT (SELECT yes FROM is_enough)
            UNION ALL
            SELECT m.conversation_id, m.id, m.seq, m.created_at FROM deployments_message m
             WHERE NOT (SELECT yes FROM is_enough)
               AND m.workspace_id = (SELECT workspace FROM asked) AND m.words IS NOT NULL
               AND m.words @@ (SELECT query FROM asked)
               AND m.created_at <= (SELECT until FROM is_enough)
        ) AS both_ways
        ORDER BY conversation_id, created_at DESC, seq DESC
    ),
    moved AS MATERIALIZED (
        SELECT c.id, c.last_activity_at,
               words_of_person(p.name, p.email) @@ (SELECT query FROM asked) AS has_them
          FROM (SELECT id, person_id, last_activity_at FROM deployments_conversation
                 WHERE workspace_id = (SELECT workspace FROM asked) AND NOT is_test
                   AND last_activity_at <= (SELECT before FROM asked)
                   AND (last_activity_at, id) < ((SELECT before FROM asked), p_before_id)
                 ORDER BY last_activity_at DESC LIMIT p_look / 10 + 1) AS c
          JOIN deployments_person p ON p.id = c.person_id
    ),
    of_people AS MATERIALIZED (
        SELECT id, last_activity_at FROM moved WHERE has_them
        UNION
        SELECT c.id, c.last_activity_at
          FROM deployments_person p JOIN deployments_conversation c ON c.person_id = p.id
         WHERE NOT (SELECT count(*) <= p_look / 10 OR count(*) FILTER (WHERE has_them) >= p_limit
                           OR (SELECT querytree(query) = 'T' FROM asked) FROM moved)
           AND p.workspace_id = (SELECT workspace FROM asked)
           AND words_of_person(p.name, p.email) @@ (SELECT query FROM asked)
           AND NOT c.is_test AND (c.last_activity_at, c.id) < ((SELECT before FROM asked), p_before_id)
    )
    SELECT found.conversation_id, found.message_id, found.seq, found.at FROM (
        SELECT l.conversation_id, l.id AS message_id, l.seq, l.created_at AS at
          FROM said_lately l WHERE (SELECT yes FROM is_enough)
        UNION ALL
        (SELECT s.conversation_id, s.id, s.seq, s.created_at
           FROM (SELECT * FROM said ORDER BY created_at DESC, conversation_id DESC) AS s
          WHERE (s.created_at, s.conversation_id) < ((SELECT before FROM asked), p_before_id)
            AND NOT EXISTS (SELECT FROM deployments_conversation c JOIN deployments_person p ON p.id = c.person_id
                             WHERE c.id = s.conversation_id
                               AND (c.is_test OR words_of_person(p.name, p.email) @@ (SELECT query FROM asked)))
            AND (p_before IS NULL OR NOT EXISTS (
                    SELECT FROM deployments_message m
                     WHERE m.conversation_id = s.conversation_id AND m.seq > s.seq
                       AND m.words @@ (SELECT query FROM asked)))
          ORDER BY s.created_at DESC, s.conversation_id DESC LIMIT p_limit)
        UNION ALL
        SELECT o.id, NULL, NULL, o.last_activity_at FROM of_people o
    ) AS found
    ORDER BY found.at DESC, found.conversation_id DESC LIMIT p_limit
 $$;

CREATE TEXT SEARCH CONFIGURATION public.convoship (
    PARSER = pg_catalog."default" );

ALTER TEXT SEARCH CONFIGURATION public.convoship
    ADD MAPPING FOR asciiword WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.convoship
    ADD MAPPING FOR word WITH public.unaccent, simple;

ALTER TEXT SEARCH CONFIGURATION public.convoship
    ADD MAPPING FOR numword WITH public.unaccent, simple;

ALTER TEXT SEARCH CONFIGURATION public.convoship
    ADD MAPPING FOR email WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.convoship
    ADD MAPPING FOR url WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.convoship
    ADD MAPPING FOR host WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.convoship
    ADD MAPPING FOR sfloat WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.convoship
    ADD MAPPING FOR version WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.convoship
    ADD MAPPING FOR hword_numpart WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.convoship
    ADD MAPPING FOR hword_part WITH public.unaccent, simple;

ALTER TEXT SEARCH CONFIGURATION public.convoship
    ADD MAPPING FOR hword_asciipart WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.convoship
    ADD MAPPING FOR numhword WITH public.unaccent, simple;

ALTER TEXT SEARCH CONFIGURATION public.convoship
    ADD MAPPING FOR asciihword WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.convoship
    ADD MAPPING FOR hword WITH public.unaccent, simple;

ALTER TEXT SEARCH CONFIGURATION public.convoship
    ADD MAPPING FOR url_path WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.convoship
    ADD MAPPING FOR file WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.convoship
    ADD MAPPING FOR "float" WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.convoship
    ADD MAPPING FOR "int" WITH simple;

ALTER TEXT SEARCH CONFIGURATION public.convoship
    ADD MAPPING FOR uint WITH simple;

CREATE FUNCTION public.search_query(p_text text) RETURNS tsquery
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN ((p_text ~ '\w{3}$'::text) AND (p_text !~ '(^|\s)-\S*$'::text) AND ((websearch_to_tsquery('public.convoship'::regconfig, p_text))::text ~ '''$'::text)) THEN (((websearch_to_tsquery('public.convoship'::regconfig, p_text))::text || ':*'::text))::tsquery ELSE websearch_to_tsquery('public.convoship'::regconfig, p_text) END;

CREATE FUNCTION public.staff_workspaces(p_staff uuid, p_query text, p_limit integer) RETURNS TABLE(workspace_id uuid, name text)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$ SELECT w.id, w.name::text
                 FROM workspaces_workspace w
                WHERE EXISTS (SELECT 1 FROM workspaces_user u
                               WHERE u.id = p_staff AND u.is_staff AND u.is_active)
                  AND (p_query = ''
                       OR position(lower(p_query) IN lower(w.name)) > 0
                       OR w.id::text = lower(p_query)
                       OR EXISTS (SELECT 1 FROM workspaces_membership m JOIN workspaces_user u ON u.id = m.user_id
                                   WHERE m.workspace_id = w.id AND lower(u.email) = lower(p_query)))
                ORDER BY w.name, w.id
                LIMIT least(p_limit, 100) $$;

CREATE FUNCTION public.versions_never_change() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog'
    AS $$
BEGIN
    RAISE EXCEPTION 'A published version never changes.' USING ERRCODE = 'integrity_constraint_violation';
END
$$;

CREATE FUNCTION public.words_of_message(p_author text, p_status text, p_text text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN ((p_author = 'system'::text) OR (p_status = 'streaming'::text) OR (p_text = ''::text)) THEN NULL::tsvector ELSE to_tsvector('public.convoship'::regconfig, "left"(p_text, 20000)) END;

CREATE FUNCTION public.words_of_passage(p_language text, p_title text, p_head text, p_text text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE p_language WHEN 'danish'::text THEN ((setweight(to_tsvector('danish'::regconfig, p_title), 'C'::"char") || setweight(to_tsvector('danish'::regconfig, p_head), 'B'::"char")) || setweight(to_tsvector('danish'::regconfig, p_text), 'D'::"char")) WHEN 'dutch'::text THEN ((setweight(to_tsvector('dutch'::regconfig, p_title), 'C'::"char") || setweight(to_tsvector('dutch'::regconfig, p_head), 'B'::"char")) || setweight(to_tsvector('dutch'::regconfig, p_text), 'D'::"char")) WHEN 'english'::text THEN ((setweight(to_tsvector('english'::regconfig, p_title), 'C'::"char") || setweight(to_tsvector('english'::regconfig, p_head), 'B'::"char")) || setweight(to_tsvector('english'::regconfig, p_text), 'D'::"char")) WHEN 'finnish'::text THEN ((setweight(to_tsvector('finnish'::regconfig, p_title), 'C'::"char") || setweight(to_tsvector('finnish'::regconfig, p_head), 'B'::"char")) || setweight(to_tsvector('finnish'::regconfig, p_text), 'D'::"char")) WHEN 'french'::text THEN ((setweight(to_tsvector('french'::regconfig, p_title), 'C'::"char") || setweight(to_tsvector('french'::regconfig, p_head), 'B'::"char")) || setweight(to_tsvector('french'::regconfig, p_text), 'D'::"char")) WHEN 'german'::text THEN ((setweight(to_tsvector('german'::regconfig, p_title), 'C'::"char") || setweight(to_tsvector('german'::regconfig, p_head), 'B'::"char")) || setweight(to_tsvector('german'::regconfig, p_text), 'D'::"char")) WHEN 'hungarian'::text THEN ((setweight(to_tsvector('hungarian'::regconfig, p_title), 'C'::"char") || setweight(to_tsvector('hungarian'::regconfig, p_head), 'B'::"char")) || setweight(to_tsvector('hungarian'::regconfig, p_text), 'D'::"char")) WHEN 'italian'::text THEN ((setweight(to_tsvector('italian'::regconfig, p_title), 'C'::"char") || setweight(to_tsvector('italian'::regconfig, p_head), 'B'::"char")) || setweight(to_tsvector('italian'::regconfig, p_text), 'D'::"char")) WHEN 'norwegian'::text THEN ((setweight(to_tsvector('norwegian'::regconfig, p_title), 'C'::"char") || setweight(to_tsvector('norwegian'::regconfig, p_head), 'B'::"char")) || setweight(to_tsvector('norwegian'::regconfig, p_text), 'D'::"char")) WHEN 'portuguese'::text THEN ((setweight(to_tsvector('portuguese'::regconfig, p_title), 'C'::"char") || setweight(to_tsvector('portuguese'::regconfig, p_head), 'B'::"char")) || setweight(to_tsvector('portuguese'::regconfig, p_text), 'D'::"char")) WHEN 'romanian'::text THEN ((setweight(to_tsvector('romanian'::regconfig, p_title), 'C'::"char") || setweight(to_tsvector('romanian'::regconfig, p_head), 'B'::"char")) || setweight(to_tsvector('romanian'::regconfig, p_text), 'D'::"char")) WHEN 'russian'::text THEN ((setweight(to_tsvector('russian'::regconfig, p_title), 'C'::"char") || setweight(to_tsvector('russian'::regconfig, p_head), 'B'::"char")) || setweight(to_tsvector('russian'::regconfig, p_text), 'D'::"char")) WHEN 'spanish'::text THEN ((setweight(to_tsvector('spanish'::regconfig, p_title), 'C'::"char") || setweight(to_tsvector('spanish'::regconfig, p_head), 'B'::"char")) || setweight(to_tsvector('spanish'::regconfig, p_text), 'D'::"char")) WHEN 'swedish'::text THEN ((setweight(to_tsvector('swedish'::regconfig, p_title), 'C'::"char") || setweight(to_tsvector('swedish'::regconfig, p_head), 'B'::"char")) || setweight(to_tsvector('swedish'::regconfig, p_text), 'D'::"char")) WHEN 'turkish'::text THEN ((setweight(to_tsvector('turkish'::regconfig, p_title), 'C'::"char") || setweight(to_tsvector('turkish'::regconfig, p_head), 'B'::"char")) || setweight(to_tsvector('turkish'::regconfig, p_text), 'D'::"char")) ELSE ((setweight(to_tsvector('simple'::regconfig, p_title), 'C'::"char") || setweight(to_tsvector('simple'::regconfig, p_head), 'B'::"char")) || setweight(to_tsvector('simple'::regconfig, p_text), 'D'::"char")) END;

CREATE FUNCTION public.words_of_person(p_name text, p_email text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN to_tsvector('public.convoship'::regconfig, ((((((p_name || ' '::text) || p_email) || ' '::text) || split_part(p_email, '@'::text, 2)) || ' '::text) || translate(p_email, '@.-_+'::text, '     '::text)));

CREATE FUNCTION public.workspaces_of(p_user uuid) RETURNS SETOF uuid
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$ SELECT workspace_id FROM workspaces_membership WHERE user_id = p_user ORDER BY created_at, workspace_id $$;

CREATE TABLE public.account_emailaddress (
    id integer NOT NULL,
    email character varying(254) NOT NULL,
    verified boolean NOT NULL,
    "primary" boolean NOT NULL,
    user_id uuid NOT NULL
);

ALTER TABLE public.account_emailaddress ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.account_emailaddress_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.account_emailconfirmation (
    id integer NOT NULL,
    created timestamp with time zone NOT NULL,
    sent timestamp with time zone,
    key character varying(64) NOT NULL,
    email_address_id integer NOT NULL
);

ALTER TABLE public.account_emailconfirmation ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.account_emailconfirmation_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.auth_group (
    id integer NOT NULL,
    name character varying(150) NOT NULL
);

ALTER TABLE public.auth_group ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.auth_group_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.auth_group_permissions (
    id bigint NOT NULL,
    group_id integer NOT NULL,
    permission_id integer NOT NULL
);

ALTER TABLE public.auth_group_permissions ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.auth_group_permissions_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.auth_permission (
    id integer NOT NULL,
    name character varying(255) NOT NULL,
    content_type_id integer NOT NULL,
    codename character varying(100) NOT NULL
);

ALTER TABLE public.auth_permission ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.auth_permission_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.axes_accessattempt (
    id integer NOT NULL,
    user_agent character varying(255) NOT NULL,
    ip_address inet,
    username character varying(255),
    http_accept character varying(1025) NOT NULL,
    path_info character varying(255) NOT NULL,
    attempt_time timestamp with time zone NOT NULL,
    get_data text NOT NULL,
    post_data text NOT NULL,
    failures_since_start integer NOT NULL,
    CONSTRAINT axes_accessattempt_failures_since_start_check CHECK ((failures_since_start >= 0))
);

ALTER TABLE public.axes_accessattempt ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.axes_accessattempt_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.axes_accessattemptexpiration (
    access_attempt_id integer NOT NULL,
    expires_at timestamp with time zone NOT NULL
);

CREATE TABLE public.axes_accessfailurelog (
    id integer NOT NULL,
    user_agent character varying(255) NOT NULL,
    ip_address inet,
    username character varying(255),
    http_accept character varying(1025) NOT NULL,
    path_info character varying(255) NOT NULL,
    attempt_time timestamp with time zone NOT NULL,
    locked_out boolean NOT NULL
);

ALTER TABLE public.axes_accessfailurelog ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.axes_accessfailurelog_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.axes_accesslog (
    id integer NOT NULL,
    user_agent character varying(255) NOT NULL,
    ip_address inet,
    username character varying(255),
    http_accept character varying(1025) NOT NULL,
    path_info character varying(255) NOT NULL,
    attempt_time timestamp with time zone NOT NULL,
    logout_time timestamp with time zone,
    session_hash character varying(64) NOT NULL
);

ALTER TABLE public.axes_accesslog ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.axes_accesslog_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.channels_app_call (
    id uuid NOT NULL,
    sid character varying(64) NOT NULL,
    direction character varying(8) NOT NULL,
    caller character varying(64) NOT NULL,
    called character varying(64) NOT NULL,
    mode character varying(6) NOT NULL,
    state character varying(12) NOT NULL,
    began_at timestamp with time zone NOT NULL,
    answered_at timestamp with time zone,
    ended_at timestamp with time zone,
    last_sign_at timestamp with time zone NOT NULL,
    ends_by timestamp with time zone NOT NULL,
    due_at timestamp with time zone NOT NULL,
    claim uuid,
    leased_until timestamp with time zone,
    outcome character varying(12) NOT NULL,
    reason character varying(300) NOT NULL,
    remedy character varying(300) NOT NULL,
    turn integer NOT NULL,
    silences smallint NOT NULL,
    language character varying(35) NOT NULL,
    seconds integer,
    minutes integer NOT NULL,
    connection_id uuid NOT NULL,
    conversation_id uuid NOT NULL,
    workspace_id uuid NOT NULL,
    CONSTRAINT an_ended_call_says_how CHECK ((((ended_at IS NOT NULL) AND ((state)::text = 'ended'::text) AND (NOT ((outcome)::text = ''::text))) OR ((NOT ((state)::text = 'ended'::text)) AND (ended_at IS NULL) AND ((outcome)::text = ''::text)))),
    CONSTRAINT channels_app_call_minutes_check CHECK ((minutes >= 0)),
    CONSTRAINT channels_app_call_seconds_check CHECK ((seconds >= 0)),
    CONSTRAINT channels_app_call_silences_check CHECK ((silences >= 0)),
    CONSTRAINT channels_app_call_turn_check CHECK ((turn >= 0))
);

ALTER TABLE ONLY public.channels_app_call FORCE ROW LEVEL SECURITY;

CREATE TABLE public.channels_app_callcourse (
    id uuid NOT NULL,
    place character varying(9) NOT NULL,
    asked character varying(64) NOT NULL,
    answer text NOT NULL,
    ended_handoff uuid,
    placed_at timestamp with time zone,
    rounds integer NOT NULL,
    due_at timestamp with time zone,
    claim uuid,
    leased_until timestamp with time zone,
    attempts smallint NOT NULL,
    reason character varying(300) NOT NULL,
    remedy character varying(300) NOT NULL,
    call_id uuid NOT NULL,
    transfer_id uuid,
    workspace_id uuid NOT NULL,
    CONSTRAINT channels_app_callcourse_attempts_check CHECK ((attempts >= 0)),
    CONSTRAINT channels_app_callcourse_rounds_check CHECK ((rounds >= 0))
);

ALTER TABLE ONLY public.channels_app_callcourse FORCE ROW LEVEL SECURITY;

CREATE TABLE public.channels_app_callrecording (
    id uuid NOT NULL,
    sid character varying(64) NOT NULL,
    kind character varying(9) NOT NULL,
    state character varying(8) NOT NULL,
    seconds integer,
    url character varying(2000) NOT NULL,
    transcript text NOT NULL,
    reason character varying(300) NOT NULL,
    remedy character varying(300) NOT NULL,
    attempts smallint NOT NULL,
    due_at timestamp with time zone NOT NULL,
    claim uuid,
    leased_until timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    call_id uuid NOT NULL,
    connection_id uuid NOT NULL,
    file_id uuid,
    workspace_id uuid NOT NULL,
    is_own boolean DEFAULT false NOT NULL,
    missing character varying(300) DEFAULT ''::character varying NOT NULL,
    CONSTRAINT channels_app_callrecording_attempts_check CHECK ((attempts >= 0)),
    CONSTRAINT channels_app_callrecording_seconds_check CHECK ((seconds >= 0))
);

ALTER TABLE ONLY public.channels_app_callrecording FORCE ROW LEVEL SECURITY;

CREATE TABLE public.channels_app_callspeech (
    id uuid NOT NULL,
    state character varying(8) NOT NULL,
    whole text NOT NULL,
    heard text NOT NULL,
    call_id uuid NOT NULL,
    message_id uuid NOT NULL,
    workspace_id uuid NOT NULL,
    turn_id uuid
);

ALTER TABLE ONLY public.channels_app_callspeech FORCE ROW LEVEL SECURITY;

CREATE TABLE public.channels_app_callstep (
    id uuid NOT NULL,
    at timestamp with time zone NOT NULL,
    kind character varying(16) NOT NULL,
    words character varying(500) NOT NULL,
    remedy character varying(300) NOT NULL,
    data jsonb NOT NULL,
    call_id uuid NOT NULL,
    workspace_id uuid NOT NULL
);

ALTER TABLE ONLY public.channels_app_callstep FORCE ROW LEVEL SECURITY;

CREATE TABLE public.channels_app_calltransfer (
    id uuid NOT NULL,
    manner character varying(5) NOT NULL,
    "to" character varying(100) NOT NULL,
    child_sid character varying(64) NOT NULL,
    state character varying(10) NOT NULL,
    reason character varying(300) NOT NULL,
    remedy character varying(300) NOT NULL,
    began_at timestamp with time zone NOT NULL,
    bridged_at timestamp with time zone,
    ended_at timestamp with time zone,
    call_id uuid NOT NULL,
    handoff_id uuid,
    workspace_id uuid NOT NULL,
    dialled_at timestamp with time zone,
    key character varying(60) DEFAULT ''::character varying NOT NULL,
    member_id uuid,
    name character varying(100) DEFAULT ''::character varying NOT NULL,
    ring_at timestamp with time zone,
    rings smallint DEFAULT 0 NOT NULL,
    seconds integer,
    CONSTRAINT channels_app_calltransfer_rings_check CHECK ((rings >= 0)),
    CONSTRAINT channels_app_calltransfer_seconds_check CHECK ((seconds >= 0))
);

ALTER TABLE ONLY public.channels_app_calltransfer FORCE ROW LEVEL SECURITY;

CREATE TABLE public.channels_app_callturn (
    id uuid NOT NULL,
    number integer NOT NULL,
    keys character varying(64) NOT NULL,
    confidence double precision,
    heard_at timestamp with time zone,
    asked_at timestamp with time zone,
    first_word_at timestamp with time zone,
    spoken_at timestamp with time zone,
    finished_at timestamp with time zone,
    responder_ms integer,
    platform_ms integer,
    error character varying(300) NOT NULL,
    call_id uuid NOT NULL,
    message_id uuid,
    workspace_id uuid NOT NULL,
    endpoint_ms integer,
    speech_ms integer,
    CONSTRAINT channels_app_callturn_endpoint_ms_check CHECK ((endpoint_ms >= 0)),
    CONSTRAINT channels_app_callturn_number_check CHECK ((number >= 0)),
    CONSTRAINT channels_app_callturn_platform_ms_check CHECK ((platform_ms >= 0)),
    CONSTRAINT channels_app_callturn_responder_ms_check CHECK ((responder_ms >= 0)),
    CONSTRAINT channels_app_callturn_speech_ms_check CHECK ((speech_ms >= 0))
);

ALTER TABLE ONLY public.channels_app_callturn FORCE ROW LEVEL SECURITY;

CREATE TABLE public.channels_app_connection (
    id uuid NOT NULL,
    kind character varying(24) NOT NULL,
    name character varying(100) NOT NULL,
    config jsonb NOT NULL,
    credentials jsonb NOT NULL,
    state character varying(10) NOT NULL,
    state_reason character varying(300) NOT NULL,
    state_at timestamp with time zone NOT NULL,
    fault character varying(300) NOT NULL,
    fault_remedy character varying(300) NOT NULL,
    last_inbound_at timestamp with time zone,
    last_outbound_at timestamp with time zone,
    failures integer NOT NULL,
    failing_since timestamp with time zone,
    rests_until timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    assistant_id uuid,
    created_by_id uuid,
    workspace_id uuid NOT NULL,
    is_rehearsal boolean NOT NULL,
    spent_until timestamp with time zone,
    stopped_since timestamp with time zone,
    tested jsonb DEFAULT '[]'::jsonb NOT NULL,
    tested_at timestamp with time zone,
    CONSTRAINT channels_app_connection_failures_check CHECK ((failures >= 0))
);

ALTER TABLE ONLY public.channels_app_connection FORCE ROW LEVEL SECURITY;

CREATE TABLE public.channels_app_connectionsecret (
    id uuid NOT NULL,
    which character varying(20) NOT NULL,
    sealed bytea NOT NULL,
    hint character varying(4) NOT NULL,
    expires_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    connection_id uuid NOT NULL,
    workspace_id uuid NOT NULL
);

ALTER TABLE ONLY public.channels_app_connectionsecret FORCE ROW LEVEL SECURITY;

CREATE TABLE public.channels_app_consent (
    id uuid NOT NULL,
    address character varying(255) NOT NULL,
    state character varying(10) NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    connection_id uuid NOT NULL,
    workspace_id uuid NOT NULL
);

ALTER TABLE ONLY public.channels_app_consent FORCE ROW LEVEL SECURITY;

CREATE TABLE public.channels_app_consentchange (
    id uuid NOT NULL,
    state character varying(10) NOT NULL,
    source character varying(200) NOT NULL,
    at timestamp with time zone NOT NULL,
    consent_id uuid NOT NULL,
    workspace_id uuid NOT NULL
);

ALTER TABLE ONLY public.channels_app_consentchange FORCE ROW LEVEL SECURITY;

CREATE TABLE public.channels_app_conversationlink (
    id uuid NOT NULL,
    address character varying(255) NOT NULL,
    is_current boolean NOT NULL,
    "position" bigint NOT NULL,
    told_control character varying(10) NOT NULL,
    told_status character varying(10) NOT NULL,
    connection_id uuid NOT NULL,
    conversation_id uuid NOT NULL,
    workspace_id uuid NOT NULL,
    told_seq integer NOT NULL,
    CONSTRAINT channels_app_conversationlink_position_check CHECK (("position" >= 0)),
    CONSTRAINT channels_app_conversationlink_told_seq_check CHECK ((told_seq >= 0))
);

ALTER TABLE ONLY public.channels_app_conversationlink FORCE ROW LEVEL SECURITY;

CREATE TABLE public.channels_app_delivery (
    id uuid NOT NULL,
    first_seq integer,
    lane uuid NOT NULL,
    "position" bigint NOT NULL,
    address character varying(255) NOT NULL,
    what character varying(40) NOT NULL,
    content jsonb NOT NULL,
    status character varying(10) NOT NULL,
    reason character varying(300) NOT NULL,
    remedy character varying(300) NOT NULL,
    code character varying(40) NOT NULL,
    provider_id character varying(100) NOT NULL,
    is_test boolean NOT NULL,
    attempts smallint NOT NULL,
    tries smallint NOT NULL,
    first_tried_at timestamp with time zone,
    due_at timestamp with time zone NOT NULL,
    claim uuid,
    leased_until timestamp with time zone,
    is_in_doubt boolean NOT NULL,
    created_at timestamp with time zone NOT NULL,
    accepted_at timestamp with time zone,
    settled_at timestamp with time zone,
    connection_id uuid NOT NULL,
    conversation_id uuid,
    message_id uuid,
    workspace_id uuid NOT NULL,
    cuts smallint NOT NULL,
    dismissed_at timestamp with time zone,
    is_parked boolean NOT NULL,
    let_go_at timestamp with time zone,
    awaits_window boolean DEFAULT false NOT NULL,
    awaits_since timestamp with time zone,
    refused_id character varying(100) DEFAULT ''::character varying NOT NULL,
    purpose character varying(12) DEFAULT 'conversation'::character varying NOT NULL,
    CONSTRAINT channels_app_delivery_attempts_check CHECK ((attempts >= 0)),
    CONSTRAINT channels_app_delivery_cuts_check CHECK ((cuts >= 0)),
    CONSTRAINT channels_app_delivery_first_seq_check CHECK ((first_seq >= 0)),
    CONSTRAINT channels_app_delivery_position_check CHECK (("position" >= 0)),
    CONSTRAINT channels_app_delivery_tries_check CHECK ((tries >= 0)),
    CONSTRAINT only_what_is_queued_is_claimed CHECK ((((claim IS NULL) AND (leased_until IS NULL)) OR ((claim IS NOT NULL) AND (leased_until IS NOT NULL) AND ((status)::text = 'queued'::text))))
);

ALTER TABLE ONLY public.channels_app_delivery FORCE ROW LEVEL SECURITY;

CREATE TABLE public.channels_app_deliveryattempt (
    id uuid NOT NULL,
    number smallint NOT NULL,
    claim uuid NOT NULL,
    outcome character varying(10) NOT NULL,
    http_status smallint,
    code character varying(40) NOT NULL,
    reason character varying(300) NOT NULL,
    answer character varying(2000) NOT NULL,
    milliseconds integer,
    started_at timestamp with time zone NOT NULL,
    delivery_id uuid NOT NULL,
    workspace_id uuid NOT NULL,
    CONSTRAINT channels_app_deliveryattempt_http_status_check CHECK ((http_status >= 0)),
    CONSTRAINT channels_app_deliveryattempt_milliseconds_check CHECK ((milliseconds >= 0)),
    CONSTRAINT channels_app_deliveryattempt_number_check CHECK ((number >= 0))
);

ALTER TABLE ONLY public.channels_app_deliveryattempt FORCE ROW LEVEL SECURITY;

CREATE TABLE public.channels_app_deskcase (
    id uuid NOT NULL,
    key character varying(60) NOT NULL,
    ref character varying(100) NOT NULL,
    number character varying(60) NOT NULL,
    url character varying(500) NOT NULL,
    about jsonb NOT NULL,
    opened_at timestamp with time zone NOT NULL,
    taken_at timestamp with time zone,
    closed_at timestamp with time zone,
    look_at timestamp with time zone,
    claim uuid,
    leased_until timestamp with time zone,
    looked_at timestamp with time zone,
    failures smallint NOT NULL,
    trouble character varying(300) NOT NULL,
    trouble_remedy character varying(300) NOT NULL,
    connection_id uuid NOT NULL,
    conversation_id uuid NOT NULL,
    handoff_id uuid NOT NULL,
    workspace_id uuid NOT NULL,
    CONSTRAINT channels_app_deskcase_failures_check CHECK ((failures >= 0))
);

ALTER TABLE ONLY public.channels_app_deskcase FORCE ROW LEVEL SECURITY;

CREATE TABLE public.channels_app_inboundevent (
    id uuid NOT NULL,
    key character varying(255) NOT NULL,
    kind character varying(20) NOT NULL,
    lane character varying(255) NOT NULL,
    content jsonb NOT NULL,
    body_digest bytea NOT NULL,
    state character varying(10) NOT NULL,
    reason character varying(300) NOT NULL,
    remedy character varying(300) NOT NULL,
    attempts smallint NOT NULL,
    due_at timestamp with time zone NOT NULL,
    claim uuid,
    leased_until timestamp with time zone,
    copies integer NOT NULL,
    received_at timestamp with time zone NOT NULL,
    handled_at timestamp with time zone,
    connection_id uuid NOT NULL,
    conversation_id uuid,
    delivery_id uuid,
    message_id uuid,
    workspace_id uuid NOT NULL,
    cuts smallint NOT NULL,
    CONSTRAINT channels_app_inboundevent_attempts_check CHECK ((attempts >= 0)),
    CONSTRAINT channels_app_inboundevent_copies_check CHECK ((copies >= 0)),
    CONSTRAINT channels_app_inboundevent_cuts_check CHECK ((cuts >= 0))
);

ALTER TABLE ONLY public.channels_app_inboundevent FORCE ROW LEVEL SECURITY;

CREATE TABLE public.channels_app_inboundmedia (
    id uuid NOT NULL,
    place smallint NOT NULL,
    url character varying(2000) NOT NULL,
    said_type character varying(100) NOT NULL,
    state character varying(10) NOT NULL,
    reason character varying(300) NOT NULL,
    remedy character varying(300) NOT NULL,
    tries smallint NOT NULL,
    due_at timestamp with time zone NOT NULL,
    claim uuid,
    leased_until timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    connection_id uuid NOT NULL,
    conversation_id uuid NOT NULL,
    file_id uuid,
    message_id uuid NOT NULL,
    workspace_id uuid NOT NULL,
    CONSTRAINT channels_app_inboundmedia_place_check CHECK ((place >= 0)),
    CONSTRAINT channels_app_inboundmedia_tries_check CHECK ((tries >= 0))
);

ALTER TABLE ONLY public.channels_app_inboundmedia FORCE ROW LEVEL SECURITY;

CREATE TABLE public.channels_app_interactivecontent (
    id uuid NOT NULL,
    digest character varying(64) NOT NULL,
    sid character varying(40) NOT NULL,
    created_at timestamp with time zone NOT NULL,
    connection_id uuid NOT NULL,
    workspace_id uuid NOT NULL
);

ALTER TABLE ONLY public.channels_app_interactivecontent FORCE ROW LEVEL SECURITY;

CREATE TABLE public.channels_app_mediabeat (
    id uuid NOT NULL,
    name character varying(100) NOT NULL,
    looked_at timestamp with time zone NOT NULL,
    calls integer NOT NULL,
    CONSTRAINT channels_app_mediabeat_calls_check CHECK ((calls >= 0))
);

CREATE TABLE public.channels_app_membertelephone (
    id uuid NOT NULL,
    number character varying(20) NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    member_id uuid NOT NULL,
    workspace_id uuid NOT NULL
);

ALTER TABLE ONLY public.channels_app_membertelephone FORCE ROW LEVEL SECURITY;

CREATE TABLE public.channels_app_messagetemplate (
    id uuid NOT NULL,
    sid character varying(40) NOT NULL,
    name character varying(512) NOT NULL,
    language character varying(20) NOT NULL,
    content_type character varying(60) NOT NULL,
    body text NOT NULL,
    extras jsonb NOT NULL,
    variables jsonb NOT NULL,
    category character varying(20) NOT NULL,
    approval character varying(12) NOT NULL,
    rejection_reason character varying(500) NOT NULL,
    is_gone boolean NOT NULL,
    synced_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone NOT NULL,
    connection_id uuid NOT NULL,
    workspace_id uuid NOT NULL
);

ALTER TABLE ONLY public.channels_app_messagetemplate FORCE ROW LEVEL SECURITY;

CREATE TABLE public.channels_app_recordingpart (
    id uuid NOT NULL,
    number integer NOT NULL,
    sound bytea NOT NULL,
    recording_id uuid NOT NULL,
    workspace_id uuid NOT NULL,
    CONSTRAINT channels_app_recordingpart_number_check CHECK ((number >= 0))
);

ALTER TABLE ONLY public.channels_app_recordingpart FORCE ROW LEVEL SECURITY;

CREATE TABLE public.channels_app_refusedrequest (
    id uuid NOT NULL,
    reason character varying(40) NOT NULL,
    detail character varying(500) NOT NULL,
    hour timestamp with time zone NOT NULL,
    count integer NOT NULL,
    last_at timestamp with time zone NOT NULL,
    connection_id uuid NOT NULL,
    workspace_id uuid NOT NULL,
    CONSTRAINT channels_app_refusedrequest_count_check CHECK ((count >= 0))
);

ALTER TABLE ONLY public.channels_app_refusedrequest FORCE ROW LEVEL SECURITY;

CREATE TABLE public.channels_app_rehearsal (
    id uuid NOT NULL,
    fault character varying(20) NOT NULL,
    fault_calls smallint,
    reports character varying(10) NOT NULL,
    opted_out jsonb NOT NULL,
    connection_id uuid NOT NULL,
    workspace_id uuid NOT NULL,
    contents jsonb DEFAULT '{}'::jsonb NOT NULL,
    phones jsonb DEFAULT '{}'::jsonb NOT NULL,
    reads boolean DEFAULT true NOT NULL,
    CONSTRAINT channels_app_rehearsal_fault_calls_check CHECK ((fault_calls >= 0))
);

ALTER TABLE ONLY public.channels_app_rehearsal FORCE ROW LEVEL SECURITY;

CREATE TABLE public.channels_app_rehearsalcall (
    id uuid NOT NULL,
    sid character varying(34) NOT NULL,
    parent_sid character varying(34) NOT NULL,
    direction character varying(13) NOT NULL,
    status character varying(11) NOT NULL,
    caller character varying(64) NOT NULL,
    called character varying(64) NOT NULL,
    began_at timestamp with time zone NOT NULL,
    answered_at timestamp with time zone,
    ended_at timestamp with time zone,
    seconds integer,
    first jsonb NOT NULL,
    rings_until timestamp with time zone,
    status_url character varying(1000) NOT NULL,
    status_events character varying(100) NOT NULL,
    told smallint NOT NULL,
    holder uuid,
    seen_at timestamp with time zone NOT NULL,
    orders jsonb NOT NULL,
    recordings jsonb NOT NULL,
    faults jsonb NOT NULL,
    connection_id uuid NOT NULL,
    workspace_id uuid NOT NULL,
    CONSTRAINT channels_app_rehearsalcall_seconds_check CHECK ((seconds >= 0)),
    CONSTRAINT channels_app_rehearsalcall_told_check CHECK ((told >= 0))
);

ALTER TABLE ONLY public.channels_app_rehearsalcall FORCE ROW LEVEL SECURITY;

CREATE TABLE public.channels_app_rehearsalline (
    id uuid NOT NULL,
    kind character varying(10) NOT NULL,
    address character varying(255) NOT NULL,
    text text NOT NULL,
    provider_id character varying(255) NOT NULL,
    status character varying(20) NOT NULL,
    method character varying(10) NOT NULL,
    url character varying(1000) NOT NULL,
    headers jsonb NOT NULL,
    body text NOT NULL,
    answer_status smallint,
    answer text NOT NULL,
    note character varying(300) NOT NULL,
    due_at timestamp with time zone,
    is_signed_wrongly boolean NOT NULL,
    created_at timestamp with time zone NOT NULL,
    connection_id uuid NOT NULL,
    delivery_id uuid,
    workspace_id uuid NOT NULL,
    extras jsonb DEFAULT '{}'::jsonb NOT NULL,
    media jsonb DEFAULT '[]'::jsonb NOT NULL,
    CONSTRAINT channels_app_rehearsalline_answer_status_check CHECK ((answer_status >= 0))
);

ALTER TABLE ONLY public.channels_app_rehearsalline FORCE ROW LEVEL SECURITY;

CREATE TABLE public.channels_app_rehearsalpicture (
    id uuid NOT NULL,
    message_sid character varying(40) NOT NULL,
    sid character varying(40) NOT NULL,
    name character varying(150) NOT NULL,
    content_type character varying(100) NOT NULL,
    content bytea NOT NULL,
    created_at timestamp with time zone NOT NULL,
    connection_id uuid NOT NULL,
    workspace_id uuid NOT NULL
);

ALTER TABLE ONLY public.channels_app_rehearsalpicture FORCE ROW LEVEL SECURITY;

CREATE TABLE public.channels_app_relayticket (
    id uuid NOT NULL,
    digest bytea NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    spent_at timestamp with time zone,
    session character varying(64) NOT NULL,
    call_id uuid NOT NULL,
    workspace_id uuid NOT NULL,
    handed jsonb,
    nonce_digest bytea
);

ALTER TABLE ONLY public.channels_app_relayticket FORCE ROW LEVEL SECURITY;

CREATE TABLE public.channels_app_servicewindow (
    id uuid NOT NULL,
    address character varying(255) NOT NULL,
    wrote_at timestamp with time zone NOT NULL,
    closes_at timestamp with time zone NOT NULL,
    connection_id uuid NOT NULL,
    workspace_id uuid NOT NULL
);

ALTER TABLE ONLY public.channels_app_servicewindow FORCE ROW LEVEL SECURITY;

CREATE TABLE public.channels_app_spendingcount (
    id uuid NOT NULL,
    what character varying(10) NOT NULL,
    whose character varying(255) NOT NULL,
    since timestamp with time zone NOT NULL,
    count integer NOT NULL,
    connection_id uuid,
    workspace_id uuid NOT NULL,
    CONSTRAINT channels_app_spendingcount_count_check CHECK ((count >= 0))
);

ALTER TABLE ONLY public.channels_app_spendingcount FORCE ROW LEVEL SECURITY;

CREATE TABLE public.channels_app_templatesync (
    id uuid NOT NULL,
    synced_at timestamp with time zone,
    due_at timestamp with time zone NOT NULL,
    leased_until timestamp with time zone,
    fault character varying(300) NOT NULL,
    fault_remedy character varying(300) NOT NULL,
    connection_id uuid NOT NULL,
    workspace_id uuid NOT NULL
);

ALTER TABLE ONLY public.channels_app_templatesync FORCE ROW LEVEL SECURITY;

CREATE TABLE public.channels_app_workerbeat (
    id uuid NOT NULL,
    name character varying(100) NOT NULL,
    looked_at timestamp with time zone NOT NULL,
    worked_at timestamp with time zone
);

CREATE TABLE public.deployments_addresskey (
    id uuid NOT NULL,
    sealed bytea NOT NULL,
    created_at timestamp with time zone NOT NULL,
    workspace_id uuid NOT NULL
);

ALTER TABLE ONLY public.deployments_addresskey FORCE ROW LEVEL SECURITY;

CREATE TABLE public.deployments_answererbeat (
    id uuid NOT NULL,
    name character varying(100) NOT NULL,
    looked_at timestamp with time zone NOT NULL
);

CREATE TABLE public.deployments_assistant (
    id uuid NOT NULL,
    name character varying(100) NOT NULL,
    responder character varying(12) NOT NULL,
    draft jsonb NOT NULL,
    draft_changed_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone NOT NULL,
    workspace_id uuid NOT NULL,
    published_id uuid,
    draft_typed jsonb,
    test_cases jsonb NOT NULL,
    test_threshold smallint,
    CONSTRAINT deployments_assistant_test_threshold_check CHECK ((test_threshold >= 0)),
    CONSTRAINT test_threshold_is_a_percentage CHECK (((test_threshold IS NULL) OR (test_threshold <= 100)))
);

ALTER TABLE ONLY public.deployments_assistant FORCE ROW LEVEL SECURITY;

CREATE TABLE public.deployments_assistantversion (
    id uuid NOT NULL,
    number integer NOT NULL,
    content jsonb NOT NULL,
    note character varying(200) NOT NULL,
    published_at timestamp with time zone NOT NULL,
    assistant_id uuid NOT NULL,
    published_by_id uuid,
    workspace_id uuid NOT NULL,
    test_report jsonb NOT NULL,
    CONSTRAINT deployments_assistantversion_number_check CHECK ((number >= 0))
);

ALTER TABLE ONLY public.deployments_assistantversion FORCE ROW LEVEL SECURITY;

CREATE TABLE public.deployments_budget (
    id uuid NOT NULL,
    measure character varying(10) NOT NULL,
    per character varying(10) NOT NULL,
    most bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    spent_at timestamp with time zone,
    spent_by character varying(300) NOT NULL,
    deployment_id uuid,
    workspace_id uuid NOT NULL
);

ALTER TABLE ONLY public.deployments_budget FORCE ROW LEVEL SECURITY;

CREATE TABLE public.deployments_budgetcount (
    id uuid NOT NULL,
    whose character varying(300) NOT NULL,
    day date NOT NULL,
    count bigint NOT NULL,
    budget_id uuid NOT NULL,
    workspace_id uuid NOT NULL
);

ALTER TABLE ONLY public.deployments_budgetcount FORCE ROW LEVEL SECURITY;

CREATE TABLE public.deployments_budgetnotice (
    id uuid NOT NULL,
    level character varying(10) NOT NULL,
    day date NOT NULL,
    whose character varying(300) NOT NULL,
    amount bigint NOT NULL,
    noted_at timestamp with time zone NOT NULL,
    due_at timestamp with time zone,
    attempts smallint NOT NULL,
    mailed_at timestamp with time zone,
    trouble character varying(300) NOT NULL,
    budget_id uuid,
    workspace_id uuid NOT NULL,
    health_id uuid,
    CONSTRAINT deployments_budgetnotice_attempts_check CHECK ((attempts >= 0)),
    CONSTRAINT notice_of_one_thing CHECK ((((budget_id IS NOT NULL) AND (health_id IS NULL)) OR ((budget_id IS NULL) AND (health_id IS NOT NULL))))
);

ALTER TABLE ONLY public.deployments_budgetnotice FORCE ROW LEVEL SECURITY;

CREATE TABLE public.deployments_cannedreply (
    id uuid NOT NULL,
    shortcut character varying(30) NOT NULL,
    title character varying(100) NOT NULL,
    text text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    workspace_id uuid NOT NULL
);

ALTER TABLE ONLY public.deployments_cannedreply FORCE ROW LEVEL SECURITY;

CREATE TABLE public.deployments_conversation (
    id uuid NOT NULL,
    channel character varying(10) NOT NULL,
    status character varying(10) NOT NULL,
    control character varying(10) NOT NULL,
    head_seq integer NOT NULL,
    rev integer NOT NULL,
    flow_state jsonb NOT NULL,
    locale character varying(35) NOT NULL,
    page_url character varying(2000) NOT NULL,
    page_title character varying(300) NOT NULL,
    referrer character varying(2000) NOT NULL,
    origin character varying(300) NOT NULL,
    waiting_since timestamp with time zone,
    handoff_reason character varying(300) NOT NULL,
    members_told_at timestamp with time zone,
    ended_reason character varying(300) NOT NULL,
    last_text character varying(200) NOT NULL,
    started_at timestamp with time zone NOT NULL,
    last_activity_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    assigned_to_id uuid,
    assistant_id uuid NOT NULL,
    version_id uuid NOT NULL,
    workspace_id uuid NOT NULL,
    deployment_id uuid,
    person_id uuid NOT NULL,
    failures integer NOT NULL,
    if_silent jsonb,
    is_test boolean NOT NULL,
    person_wanted_at timestamp with time zone,
    silent_at timestamp with time zone,
    variant character varying(1) NOT NULL,
    visitor_data jsonb NOT NULL,
    rollout_id uuid,
    visitor_messages integer NOT NULL,
    misses smallint DEFAULT 0 NOT NULL,
    agent_read_seq integer DEFAULT 0 NOT NULL,
    page_now jsonb DEFAULT '{}'::jsonb NOT NULL,
    visitor_read_at timestamp with time zone,
    visitor_read_seq integer DEFAULT 0 NOT NULL,
    snoozed_until timestamp with time zone,
    telling_until timestamp with time zone,
    members_mailed_at timestamp with time zone,
    erased_at timestamp with time zone,
    proved_as character varying(255) DEFAULT ''::character varying NOT NULL,
    CONSTRAINT deployments_conversation_agent_read_seq_check CHECK ((agent_read_seq >= 0)),
    CONSTRAINT deployments_conversation_failures_check CHECK ((failures >= 0)),
    CONSTRAINT deployments_conversation_head_seq_check CHECK ((head_seq >= 0)),
    CONSTRAINT deployments_conversation_misses_check CHECK ((misses >= 0)),
    CONSTRAINT deployments_conversation_rev_check CHECK ((rev >= 0)),
    CONSTRAINT deployments_conversation_visitor_messages_check CHECK ((visitor_messages >= 0)),
    CONSTRAINT deployments_conversation_visitor_read_seq_check CHECK ((visitor_read_seq >= 0)),
    CONSTRAINT ended_has_an_end CHECK ((((ended_at IS NULL) AND ((status)::text = 'active'::text)) OR ((NOT ((status)::text = 'active'::text)) AND (ended_at IS NOT NULL)))),
    CONSTRAINT waiting_has_a_start CHECK (((((control)::text = 'waiting'::text) AND (waiting_since IS NOT NULL)) OR (NOT ((control)::text = 'waiting'::text))))
);

ALTER TABLE ONLY public.deployments_conversation FORCE ROW LEVEL SECURITY;

CREATE TABLE public.deployments_conversationtag (
    id uuid NOT NULL,
    conversation_id uuid NOT NULL,
    tag_id uuid NOT NULL,
    created_at timestamp with time zone NOT NULL,
    workspace_id uuid NOT NULL
);

ALTER TABLE ONLY public.deployments_conversationtag FORCE ROW LEVEL SECURITY;

CREATE TABLE public.deployments_deployment (
    id uuid NOT NULL,
    name character varying(100) NOT NULL,
    allowed_origins character varying(300)[] NOT NULL,
    theme jsonb NOT NULL,
    allow_server_callers boolean NOT NULL,
    created_at timestamp with time zone NOT NULL,
    revoked_at timestamp with time zone,
    access_rev integer NOT NULL,
    last_used_at timestamp with time zone,
    last_used_origin character varying(300) NOT NULL,
    assistant_id uuid NOT NULL,
    created_by_id uuid,
    workspace_id uuid NOT NULL,
    expires_at timestamp with time zone,
    hours_text character varying(300) NOT NULL,
    identity_required boolean NOT NULL,
    label character varying(30) NOT NULL,
    languages character varying(35)[] NOT NULL,
    limits jsonb NOT NULL,
    paused_at timestamp with time zone,
    files jsonb DEFAULT '{}'::jsonb NOT NULL,
    files_refused_at timestamp with time zone,
    CONSTRAINT deployments_deployment_access_rev_check CHECK ((access_rev >= 0))
);

ALTER TABLE ONLY public.deployments_deployment FORCE ROW LEVEL SECURITY;

CREATE TABLE public.deployments_deploymenttoken (
    id uuid NOT NULL,
    prefix character varying(12) NOT NULL,
    digest bytea NOT NULL,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone,
    deployment_id uuid NOT NULL,
    workspace_id uuid NOT NULL
);

ALTER TABLE ONLY public.deployments_deploymenttoken FORCE ROW LEVEL SECURITY;

CREATE TABLE public.deployments_file (
    id uuid NOT NULL,
    key character varying(100) NOT NULL,
    name character varying(150) NOT NULL,
    content_type character varying(100) NOT NULL,
    size integer NOT NULL,
    created_at timestamp with time zone NOT NULL,
    stored_at timestamp with time zone,
    conversation_id uuid NOT NULL,
    message_id uuid,
    workspace_id uuid NOT NULL,
    author_kind character varying(10) DEFAULT 'visitor'::character varying NOT NULL,
    author_name character varying(100) DEFAULT ''::character varying NOT NULL,
    author_user_id uuid,
    CONSTRAINT deployments_file_size_check CHECK ((size >= 0))
);

ALTER TABLE ONLY public.deployments_file FORCE ROW LEVEL SECURITY;

CREATE TABLE public.deployments_gonefile (
    key character varying(100) NOT NULL,
    due_at timestamp with time zone NOT NULL
);

CREATE TABLE public.deployments_handoff (
    id uuid NOT NULL,
    state character varying(10) NOT NULL,
    cause character varying(10) NOT NULL,
    reason character varying(300) NOT NULL,
    desk character varying(40) NOT NULL,
    case_ref character varying(200) NOT NULL,
    is_at_desk boolean NOT NULL,
    offers integer NOT NULL,
    desks_left jsonb NOT NULL,
    tried jsonb NOT NULL,
    form_left jsonb NOT NULL,
    form_tries smallint NOT NULL,
    answers jsonb NOT NULL,
    holder_name character varying(100) NOT NULL,
    longest_wait interval NOT NULL,
    longest_silence interval NOT NULL,
    opens_at timestamp with time zone,
    wait_until timestamp with time zone,
    due_at timestamp with time zone,
    unanswered_since timestamp with time zone,
    beat_at timestamp with time zone,
    outcome character varying(14) NOT NULL,
    summary text NOT NULL,
    requested_at timestamp with time zone NOT NULL,
    offered_at timestamp with time zone,
    accepted_at timestamp with time zone,
    live_at timestamp with time zone,
    ended_at timestamp with time zone,
    conversation_id uuid NOT NULL,
    holder_id uuid,
    workspace_id uuid NOT NULL,
    mail_trouble character varying(300) DEFAULT ''::character varying NOT NULL,
    CONSTRAINT an_ended_handoff_says_how CHECK ((((ended_at IS NULL) AND ((outcome)::text = ''::text) AND ((state)::text = ANY ((ARRAY['requested'::character varying, 'offered'::character varying, 'accepted'::character varying, 'live'::character varying])::text[]))) OR ((NOT ((state)::text = ANY ((ARRAY['requested'::character varying, 'offered'::character varying, 'accepted'::character varying, 'live'::character varying])::text[]))) AND (ended_at IS NOT NULL) AND (NOT ((outcome)::text = ''::text))))),
    CONSTRAINT an_unanswered_person_is_missed CHECK (((NOT ((state)::text = 'live'::text)) OR (unanswered_since IS NULL) OR (due_at IS NOT NULL))),
    CONSTRAINT deployments_handoff_form_tries_check CHECK ((form_tries >= 0)),
    CONSTRAINT deployments_handoff_offers_check CHECK ((offers >= 0)),
    CONSTRAINT waiting_ends CHECK (((NOT ((state)::text = ANY ((ARRAY['requested'::character varying, 'offered'::character varying, 'accepted'::character varying])::text[]))) OR ((due_at IS NOT NULL) AND (wait_until IS NOT NULL))))
);

ALTER TABLE ONLY public.deployments_handoff FORCE ROW LEVEL SECURITY;

CREATE TABLE public.deployments_identity (
    id uuid NOT NULL,
    kind character varying(10) NOT NULL,
    value character varying(300) NOT NULL,
    created_at timestamp with time zone NOT NULL,
    person_id uuid NOT NULL,
    workspace_id uuid NOT NULL
);

ALTER TABLE ONLY public.deployments_identity FORCE ROW LEVEL SECURITY;

CREATE TABLE public.deployments_identitysecret (
    id uuid NOT NULL,
    sealed bytea NOT NULL,
    hint character varying(4) NOT NULL,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone,
    last_used_at timestamp with time zone,
    deployment_id uuid NOT NULL,
    workspace_id uuid NOT NULL
);

ALTER TABLE ONLY public.deployments_identitysecret FORCE ROW LEVEL SECURITY;

CREATE TABLE public.deployments_knowledgechunk (
    id uuid NOT NULL,
    "position" integer NOT NULL,
    heading character varying(300) NOT NULL,
    text text NOT NULL,
    language character varying(20) NOT NULL,
    folded_title text NOT NULL,
    folded_head text NOT NULL,
    folded text NOT NULL,
    embedding real[],
    assistant_id uuid NOT NULL,
    workspace_id uuid NOT NULL,
    page_id uuid NOT NULL,
    words tsvector GENERATED ALWAYS AS (public.words_of_passage((language)::text, folded_title, folded_head, folded)) STORED,
    CONSTRAINT deployments_knowledgechunk_position_check CHECK (("position" >= 0))
)
WITH (toast_tuple_target='8160');
ALTER TABLE ONLY public.deployments_knowledgechunk ALTER COLUMN embedding SET STORAGE EXTERNAL;

ALTER TABLE ONLY public.deployments_knowledgechunk FORCE ROW LEVEL SECURITY;

CREATE TABLE public.deployments_knowledgeembedding (
    id uuid NOT NULL,
    base_url character varying(500) NOT NULL,
    model character varying(100) NOT NULL,
    secret character varying(64) NOT NULL,
    dimensions integer,
    status character varying(10) NOT NULL,
    reason character varying(400) NOT NULL,
    remedy character varying(400) NOT NULL,
    attempts integer NOT NULL,
    due_at timestamp with time zone,
    claim uuid,
    leased_until timestamp with time zone,
    changed_at timestamp with time zone NOT NULL,
    assistant_id uuid NOT NULL,
    workspace_id uuid NOT NULL,
    CONSTRAINT deployments_knowledgeembedding_attempts_check CHECK ((attempts >= 0)),
    CONSTRAINT deployments_knowledgeembedding_dimensions_check CHECK ((dimensions >= 0))
);

ALTER TABLE ONLY public.deployments_knowledgeembedding FORCE ROW LEVEL SECURITY;

CREATE TABLE public.deployments_knowledgepage (
    id uuid NOT NULL,
    "position" integer NOT NULL,
    url character varying(2000) NOT NULL,
    title character varying(300) NOT NULL,
    text text NOT NULL,
    digest character varying(64) NOT NULL,
    language character varying(20) NOT NULL,
    status character varying(10) NOT NULL,
    reason character varying(400) NOT NULL,
    remedy character varying(400) NOT NULL,
    size integer NOT NULL,
    etag character varying(300) NOT NULL,
    last_modified character varying(100) NOT NULL,
    is_due boolean NOT NULL,
    fetched_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    workspace_id uuid NOT NULL,
    source_id uuid NOT NULL,
    CONSTRAINT deployments_knowledgepage_position_check CHECK (("position" >= 0)),
    CONSTRAINT deployments_knowledgepage_size_check CHECK ((size >= 0))
);

ALTER TABLE ONLY public.deployments_knowledgepage FORCE ROW LEVEL SECURITY;

CREATE TABLE public.deployments_knowledgesource (
    id uuid NOT NULL,
    kind character varying(10) NOT NULL,
    title character varying(200) NOT NULL,
    url character varying(2000) NOT NULL,
    language character varying(20) NOT NULL,
    status character varying(10) NOT NULL,
    reason character varying(400) NOT NULL,
    remedy character varying(400) NOT NULL,
    refetch_hours integer,
    due_at timestamp with time zone,
    round_began_at timestamp with time zone,
    claim uuid,
    leased_until timestamp with time zone,
    attempts smallint NOT NULL,
    fetched_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    assistant_id uuid NOT NULL,
    workspace_id uuid NOT NULL,
    tried_at timestamp with time zone,
    CONSTRAINT deployments_knowledgesource_attempts_check CHECK ((attempts >= 0)),
    CONSTRAINT deployments_knowledgesource_refetch_hours_check CHECK ((refetch_hours >= 0))
);

ALTER TABLE ONLY public.deployments_knowledgesource FORCE ROW LEVEL SECURITY;

CREATE TABLE public.deployments_knowledgeupload (
    id uuid NOT NULL,
    name character varying(150) NOT NULL,
    content bytea NOT NULL,
    source_id uuid NOT NULL,
    workspace_id uuid NOT NULL
);

ALTER TABLE ONLY public.deployments_knowledgeupload FORCE ROW LEVEL SECURITY;

CREATE TABLE public.deployments_knowledgevocabulary (
    id uuid NOT NULL,
    words text[] NOT NULL,
    lexemes text[] NOT NULL,
    counts integer[] NOT NULL,
    languages text[] NOT NULL,
    passages integer NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    assistant_id uuid NOT NULL,
    workspace_id uuid NOT NULL,
    CONSTRAINT deployments_knowledgevocabulary_passages_check CHECK ((passages >= 0))
);

ALTER TABLE ONLY public.deployments_knowledgevocabulary FORCE ROW LEVEL SECURITY;

CREATE TABLE public.deployments_mention (
    id uuid NOT NULL,
    created_at timestamp with time zone NOT NULL,
    due_at timestamp with time zone,
    attempts smallint NOT NULL,
    mailed_at timestamp with time zone,
    trouble character varying(300) NOT NULL,
    user_id uuid NOT NULL,
    workspace_id uuid NOT NULL,
    note_id uuid NOT NULL,
    CONSTRAINT deployments_mention_attempts_check CHECK ((attempts >= 0))
);

ALTER TABLE ONLY public.deployments_mention FORCE ROW LEVEL SECURITY;

CREATE TABLE public.deployments_message (
    id uuid NOT NULL,
    seq integer NOT NULL,
    rev integer NOT NULL,
    author_kind character varying(10) NOT NULL,
    author_name character varying(100) NOT NULL,
    text text NOT NULL,
    payload character varying(1000) NOT NULL,
    blocks jsonb NOT NULL,
    client_id character varying(64),
    body_digest bytea,
    status character varying(10) NOT NULL,
    reason character varying(300) NOT NULL,
    created_at timestamp with time zone NOT NULL,
    author_user_id uuid,
    conversation_id uuid NOT NULL,
    workspace_id uuid NOT NULL,
    remedy character varying(300) NOT NULL,
    attachments jsonb DEFAULT '[]'::jsonb NOT NULL,
    words tsvector,
    reply_to integer,
    template jsonb,
    CONSTRAINT deployments_message_reply_to_check CHECK ((reply_to >= 0)),
    CONSTRAINT deployments_message_rev_check CHECK ((rev >= 0)),
    CONSTRAINT deployments_message_seq_check CHECK ((seq >= 0))
);

ALTER TABLE ONLY public.deployments_message FORCE ROW LEVEL SECURITY;

CREATE TABLE public.deployments_modelprice (
    id uuid NOT NULL,
    model character varying(200) NOT NULL,
    price_in numeric(12,6) NOT NULL,
    price_out numeric(12,6) NOT NULL,
    valid_from date NOT NULL,
    created_at timestamp with time zone NOT NULL,
    workspace_id uuid NOT NULL
);

ALTER TABLE ONLY public.deployments_modelprice FORCE ROW LEVEL SECURITY;

CREATE TABLE public.deployments_note (
    id uuid NOT NULL,
    author_name character varying(100) NOT NULL,
    text text NOT NULL,
    after_seq integer NOT NULL,
    client_id character varying(64),
    created_at timestamp with time zone NOT NULL,
    author_id uuid,
    conversation_id uuid NOT NULL,
    workspace_id uuid NOT NULL,
    CONSTRAINT deployments_note_after_seq_check CHECK ((after_seq >= 0))
);

ALTER TABLE ONLY public.deployments_note FORCE ROW LEVEL SECURITY;

CREATE TABLE public.deployments_person (
    id uuid NOT NULL,
    name character varying(100) NOT NULL,
    email character varying(254) NOT NULL,
    visitor_id character varying(64) NOT NULL,
    created_at timestamp with time zone NOT NULL,
    workspace_id uuid NOT NULL,
    external_id character varying(255),
    verified_at timestamp with time zone,
    blocked_at timestamp with time zone,
    blocked_reason character varying(300) DEFAULT ''::character varying NOT NULL,
    erased_at timestamp with time zone,
    erasing jsonb DEFAULT '{}'::jsonb NOT NULL,
    erasing_at timestamp with time zone,
    fields jsonb DEFAULT '{}'::jsonb NOT NULL,
    known_by jsonb DEFAULT '{}'::jsonb NOT NULL,
    merged_into_id uuid
);

ALTER TABLE ONLY public.deployments_person FORCE ROW LEVEL SECURITY;

CREATE TABLE public.deployments_personfield (
    id uuid NOT NULL,
    key character varying(40) NOT NULL,
    label character varying(60) NOT NULL,
    kind character varying(10) NOT NULL,
    choices jsonb NOT NULL,
    created_at timestamp with time zone NOT NULL,
    workspace_id uuid NOT NULL
);

ALTER TABLE ONLY public.deployments_personfield FORCE ROW LEVEL SECURITY;

CREATE TABLE public.deployments_personmerge (
    id uuid NOT NULL,
    before jsonb NOT NULL,
    after jsonb NOT NULL,
    moved jsonb NOT NULL,
    made_by character varying(254) NOT NULL,
    created_at timestamp with time zone NOT NULL,
    undo_until timestamp with time zone NOT NULL,
    undone_at timestamp with time zone,
    kept_id uuid NOT NULL,
    merged_id uuid NOT NULL,
    workspace_id uuid NOT NULL
);

ALTER TABLE ONLY public.deployments_personmerge FORCE ROW LEVEL SECURITY;

CREATE TABLE public.deployments_personnote (
    id uuid NOT NULL,
    author_name character varying(100) NOT NULL,
    text text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    author_id uuid,
    person_id uuid NOT NULL,
    workspace_id uuid NOT NULL
);

ALTER TABLE ONLY public.deployments_personnote FORCE ROW LEVEL SECURITY;

CREATE TABLE public.deployments_previewtoken (
    id uuid NOT NULL,
    digest bytea NOT NULL,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    deployment_id uuid NOT NULL,
    made_by_id uuid,
    workspace_id uuid NOT NULL,
    variant character varying(1) NOT NULL,
    made_by_key_id uuid,
    permission character varying(40) NOT NULL,
    conversation_id uuid
);

ALTER TABLE ONLY public.deployments_previewtoken FORCE ROW LEVEL SECURITY;

CREATE TABLE public.deployments_refusedorigin (
    id uuid NOT NULL,
    origin character varying(300) NOT NULL,
    rule character varying(40) NOT NULL,
    page character varying(2000) NOT NULL,
    count bigint NOT NULL,
    first_seen_at timestamp with time zone NOT NULL,
    last_seen_at timestamp with time zone NOT NULL,
    deployment_id uuid NOT NULL,
    workspace_id uuid NOT NULL,
    CONSTRAINT deployments_refusedorigin_count_check CHECK ((count >= 0))
);

ALTER TABLE ONLY public.deployments_refusedorigin FORCE ROW LEVEL SECURITY;

CREATE TABLE public.deployments_replymail (
    id uuid NOT NULL,
    address character varying(254) NOT NULL,
    from_seq integer NOT NULL,
    to_seq integer NOT NULL,
    state character varying(10) NOT NULL,
    reason character varying(500) NOT NULL,
    remedy character varying(300) NOT NULL,
    attempts smallint NOT NULL,
    due_at timestamp with time zone NOT NULL,
    claim uuid,
    leased_until timestamp with time zone,
    is_again boolean NOT NULL,
    created_at timestamp with time zone NOT NULL,
    sent_at timestamp with time zone,
    settled_at timestamp with time zone,
    link_until timestamp with time zone,
    used_at timestamp with time zone,
    stopped_at timestamp with time zone,
    conversation_id uuid NOT NULL,
    workspace_id uuid NOT NULL,
    renewals smallint DEFAULT 0 NOT NULL,
    CONSTRAINT a_reply_mail_has_messages CHECK ((from_seq <= to_seq)),
    CONSTRAINT deployments_replymail_attempts_check CHECK ((attempts >= 0)),
    CONSTRAINT deployments_replymail_from_seq_check CHECK ((from_seq >= 0)),
    CONSTRAINT deployments_replymail_renewals_check CHECK ((renewals >= 0)),
    CONSTRAINT deployments_replymail_to_seq_check CHECK ((to_seq >= 0))
);

ALTER TABLE ONLY public.deployments_replymail FORCE ROW LEVEL SECURITY;

CREATE TABLE public.deployments_responderhealth (
    id uuid NOT NULL,
    code character varying(20) NOT NULL,
    reason character varying(300) NOT NULL,
    remedy character varying(300) NOT NULL,
    count integer NOT NULL,
    since timestamp with time zone,
    failed_at timestamp with time zone,
    answered_at timestamp with time zone,
    assistant_id uuid NOT NULL,
    workspace_id uuid NOT NULL,
    CONSTRAINT deployments_responderhealth_count_check CHECK ((count >= 0))
);

ALTER TABLE ONLY public.deployments_responderhealth FORCE ROW LEVEL SECURITY;

CREATE TABLE public.deployments_rollout (
    id uuid NOT NULL,
    theme jsonb,
    share smallint NOT NULL,
    started_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    outcome character varying(10) NOT NULL,
    base_version_id uuid NOT NULL,
    deployment_id uuid NOT NULL,
    started_by_id uuid,
    version_id uuid,
    workspace_id uuid NOT NULL,
    ended_by_id uuid,
    replaced_version_id uuid,
    replaced_theme jsonb,
    CONSTRAINT a_share_of_visitors CHECK (((share >= 1) AND (share <= 99))),
    CONSTRAINT deployments_rollout_share_check CHECK ((share >= 0)),
    CONSTRAINT ended_has_an_outcome CHECK ((((ended_at IS NULL) AND ((outcome)::text = ''::text)) OR ((ended_at IS NOT NULL) AND (NOT ((outcome)::text = ''::text))))),
    CONSTRAINT something_is_tried CHECK (((version_id IS NOT NULL) OR (theme IS NOT NULL)))
);

ALTER TABLE ONLY public.deployments_rollout FORCE ROW LEVEL SECURITY;

CREATE TABLE public.deployments_savedview (
    id uuid NOT NULL,
    name character varying(60) NOT NULL,
    is_shared boolean NOT NULL,
    filters jsonb NOT NULL,
    maker_id uuid,
    created_at timestamp with time zone NOT NULL,
    workspace_id uuid NOT NULL
);

ALTER TABLE ONLY public.deployments_savedview FORCE ROW LEVEL SECURITY;

CREATE TABLE public.deployments_sessiontoken (
    id uuid NOT NULL,
    digest bytea NOT NULL,
    created_at timestamp with time zone NOT NULL,
    workspace_id uuid NOT NULL,
    session_id uuid NOT NULL
);

ALTER TABLE ONLY public.deployments_sessiontoken FORCE ROW LEVEL SECURITY;

CREATE TABLE public.deployments_spending (
    id uuid NOT NULL,
    visitor uuid,
    turn uuid,
    origin character varying(300) NOT NULL,
    day date NOT NULL,
    model character varying(200) NOT NULL,
    messages smallint NOT NULL,
    tokens_in bigint NOT NULL,
    tokens_out bigint NOT NULL,
    cost bigint,
    price_in numeric(12,6),
    price_out numeric(12,6),
    counted jsonb NOT NULL,
    held_until timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    deployment_id uuid,
    workspace_id uuid NOT NULL,
    CONSTRAINT deployments_spending_messages_check CHECK ((messages >= 0))
);

ALTER TABLE ONLY public.deployments_spending FORCE ROW LEVEL SECURITY;

CREATE TABLE public.deployments_tag (
    id uuid NOT NULL,
    name character varying(40) NOT NULL,
    created_at timestamp with time zone NOT NULL,
    workspace_id uuid NOT NULL
);

ALTER TABLE ONLY public.deployments_tag FORCE ROW LEVEL SECURITY;

CREATE TABLE public.deployments_tokenuse (
    id uuid NOT NULL,
    origin character varying(300) NOT NULL,
    loads bigint NOT NULL,
    sessions bigint NOT NULL,
    first_used_at timestamp with time zone NOT NULL,
    last_used_at timestamp with time zone NOT NULL,
    deployment_id uuid NOT NULL,
    token_id uuid NOT NULL,
    workspace_id uuid NOT NULL,
    CONSTRAINT deployments_tokenuse_loads_check CHECK ((loads >= 0)),
    CONSTRAINT deployments_tokenuse_sessions_check CHECK ((sessions >= 0))
);

ALTER TABLE ONLY public.deployments_tokenuse FORCE ROW LEVEL SECURITY;

CREATE TABLE public.deployments_turn (
    id uuid NOT NULL,
    seq integer NOT NULL,
    status character varying(10) NOT NULL,
    attempts smallint NOT NULL,
    claim uuid,
    leased_until timestamp with time zone,
    reason character varying(300) NOT NULL,
    trace jsonb NOT NULL,
    created_at timestamp with time zone NOT NULL,
    finished_at timestamp with time zone,
    conversation_id uuid NOT NULL,
    message_id uuid NOT NULL,
    workspace_id uuid NOT NULL,
    stop character varying(10) DEFAULT ''::character varying NOT NULL,
    CONSTRAINT deployments_turn_attempts_check CHECK ((attempts >= 0)),
    CONSTRAINT deployments_turn_seq_check CHECK ((seq >= 0))
);

ALTER TABLE ONLY public.deployments_turn FORCE ROW LEVEL SECURITY;

CREATE TABLE public.deployments_visitorsession (
    id uuid NOT NULL,
    client_id uuid,
    body_digest bytea NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone NOT NULL,
    conversation_id uuid NOT NULL,
    deployment_id uuid NOT NULL,
    workspace_id uuid NOT NULL,
    token_id uuid,
    continued_at timestamp with time zone
);

ALTER TABLE ONLY public.deployments_visitorsession FORCE ROW LEVEL SECURITY;

CREATE TABLE public.deployments_webhookcallback (
    id uuid NOT NULL,
    digest bytea NOT NULL,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    used_at timestamp with time zone,
    answer jsonb,
    turn_id uuid,
    workspace_id uuid NOT NULL
);

ALTER TABLE ONLY public.deployments_webhookcallback FORCE ROW LEVEL SECURITY;

CREATE TABLE public.deployments_webhooksecret (
    id uuid NOT NULL,
    sealed bytea NOT NULL,
    hint character varying(4) NOT NULL,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone,
    assistant_id uuid NOT NULL,
    workspace_id uuid NOT NULL
);

ALTER TABLE ONLY public.deployments_webhooksecret FORCE ROW LEVEL SECURITY;

CREATE TABLE public.django_admin_log (
    id integer NOT NULL,
    action_time timestamp with time zone NOT NULL,
    object_id text,
    object_repr character varying(200) NOT NULL,
    action_flag smallint NOT NULL,
    change_message text NOT NULL,
    content_type_id integer,
    user_id uuid NOT NULL,
    CONSTRAINT django_admin_log_action_flag_check CHECK ((action_flag >= 0))
);

ALTER TABLE public.django_admin_log ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.django_admin_log_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.django_content_type (
    id integer NOT NULL,
    app_label character varying(100) NOT NULL,
    model character varying(100) NOT NULL
);

ALTER TABLE public.django_content_type ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.django_content_type_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.django_migrations (
    id bigint NOT NULL,
    app character varying(255) NOT NULL,
    name character varying(255) NOT NULL,
    applied timestamp with time zone NOT NULL
);

ALTER TABLE public.django_migrations ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.django_migrations_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.django_session (
    session_key character varying(40) NOT NULL,
    session_data text NOT NULL,
    expire_date timestamp with time zone NOT NULL
);

CREATE TABLE public.workspaces_apikey (
    id uuid NOT NULL,
    name character varying(100) NOT NULL,
    prefix character varying(12) NOT NULL,
    digest bytea NOT NULL,
    scopes character varying(40)[] NOT NULL,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone,
    revoked_at timestamp with time zone,
    last_used_at timestamp with time zone,
    created_by_id uuid,
    workspace_id uuid NOT NULL
);

ALTER TABLE ONLY public.workspaces_apikey FORCE ROW LEVEL SECURITY;

CREATE TABLE public.workspaces_auditevent (
    id uuid NOT NULL,
    actor_kind character varying(12) NOT NULL,
    actor_id uuid,
    actor_label character varying(254) NOT NULL,
    action character varying(60) NOT NULL,
    target_type character varying(60) NOT NULL,
    target_id character varying(60) NOT NULL,
    target_label character varying(254) NOT NULL,
    data jsonb NOT NULL,
    ip inet,
    created_at timestamp with time zone NOT NULL,
    workspace_id uuid NOT NULL
);

ALTER TABLE ONLY public.workspaces_auditevent FORCE ROW LEVEL SECURITY;

CREATE TABLE public.workspaces_idempotencykey (
    id uuid NOT NULL,
    key character varying(255) NOT NULL,
    route character varying(200) NOT NULL,
    body_digest bytea NOT NULL,
    status smallint NOT NULL,
    answer jsonb NOT NULL,
    created_at timestamp with time zone NOT NULL,
    workspace_id uuid NOT NULL,
    CONSTRAINT workspaces_idempotencykey_status_check CHECK ((status >= 0))
);

ALTER TABLE ONLY public.workspaces_idempotencykey FORCE ROW LEVEL SECURITY;

CREATE TABLE public.workspaces_membership (
    id uuid NOT NULL,
    role character varying(12) NOT NULL,
    created_at timestamp with time zone NOT NULL,
    user_id uuid NOT NULL,
    workspace_id uuid NOT NULL,
    away_since timestamp with time zone
);

ALTER TABLE ONLY public.workspaces_membership FORCE ROW LEVEL SECURITY;

CREATE TABLE public.workspaces_secret (
    id uuid NOT NULL,
    key character varying(64) NOT NULL,
    sealed bytea NOT NULL,
    hint character varying(4) NOT NULL,
    set_by_label character varying(254) NOT NULL,
    set_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone NOT NULL,
    workspace_id uuid NOT NULL
);

ALTER TABLE ONLY public.workspaces_secret FORCE ROW LEVEL SECURITY;

CREATE TABLE public.workspaces_secrethost (
    id uuid NOT NULL,
    key character varying(64) NOT NULL,
    host character varying(300) NOT NULL,
    granted_by_label character varying(254) NOT NULL,
    granted_at timestamp with time zone NOT NULL,
    workspace_id uuid NOT NULL
);

ALTER TABLE ONLY public.workspaces_secrethost FORCE ROW LEVEL SECURITY;

CREATE TABLE public.workspaces_signinlink (
    id bigint NOT NULL,
    digest bytea NOT NULL,
    workspace_id uuid,
    expires_at timestamp with time zone NOT NULL,
    used_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    user_id uuid NOT NULL
);

ALTER TABLE public.workspaces_signinlink ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.workspaces_signinlink_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.workspaces_user (
    password character varying(128) NOT NULL,
    last_login timestamp with time zone,
    is_superuser boolean NOT NULL,
    id uuid NOT NULL,
    email character varying(254) NOT NULL,
    name character varying(100) NOT NULL,
    is_active boolean NOT NULL,
    is_staff boolean NOT NULL,
    date_joined timestamp with time zone NOT NULL
);

CREATE TABLE public.workspaces_user_groups (
    id bigint NOT NULL,
    user_id uuid NOT NULL,
    group_id integer NOT NULL
);

ALTER TABLE public.workspaces_user_groups ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.workspaces_user_groups_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.workspaces_user_user_permissions (
    id bigint NOT NULL,
    user_id uuid NOT NULL,
    permission_id integer NOT NULL
);

ALTER TABLE public.workspaces_user_user_permissions ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.workspaces_user_user_permissions_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.workspaces_workspace (
    id uuid NOT NULL,
    name character varying(100) NOT NULL,
    created_at timestamp with time zone NOT NULL
);

ALTER TABLE ONLY public.workspaces_workspace FORCE ROW LEVEL SECURITY;

ALTER TABLE ONLY public.account_emailaddress
    ADD CONSTRAINT account_emailaddress_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.account_emailaddress
    ADD CONSTRAINT account_emailaddress_user_id_email_987c8728_uniq UNIQUE (user_id, email);

ALTER TABLE ONLY public.account_emailconfirmation
    ADD CONSTRAINT account_emailconfirmation_key_key UNIQUE (key);

ALTER TABLE ONLY public.account_emailconfirmation
    ADD CONSTRAINT account_emailconfirmation_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.auth_group
    ADD CONSTRAINT auth_group_name_key UNIQUE (name);

ALTER TABLE ONLY public.auth_group_permissions
    ADD CONSTRAINT auth_group_permissions_group_id_permission_id_0cd325b0_uniq UNIQUE (group_id, permission_id);

ALTER TABLE ONLY public.auth_group_permissions
    ADD CONSTRAINT auth_group_permissions_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.auth_group
    ADD CONSTRAINT auth_group_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.auth_permission
    ADD CONSTRAINT auth_permission_content_type_id_codename_01ab375a_uniq UNIQUE (content_type_id, codename);

ALTER TABLE ONLY public.auth_permission
    ADD CONSTRAINT auth_permission_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.axes_accessattempt
    ADD CONSTRAINT axes_accessattempt_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.axes_accessattempt
    ADD CONSTRAINT axes_accessattempt_username_ip_address_user_agent_8ea22282_uniq UNIQUE (username, ip_address, user_agent);

ALTER TABLE ONLY public.axes_accessattemptexpiration
    ADD CONSTRAINT axes_accessattemptexpiration_pkey PRIMARY KEY (access_attempt_id);

ALTER TABLE ONLY public.axes_accessfailurelog
    ADD CONSTRAINT axes_accessfailurelog_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.axes_accesslog
    ADD CONSTRAINT axes_accesslog_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.channels_app_call
    ADD CONSTRAINT channels_app_call_conversation_id_key UNIQUE (conversation_id);

ALTER TABLE ONLY public.channels_app_call
    ADD CONSTRAINT channels_app_call_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.channels_app_callcourse
    ADD CONSTRAINT channels_app_callcourse_call_id_key UNIQUE (call_id);

ALTER TABLE ONLY public.channels_app_callcourse
    ADD CONSTRAINT channels_app_callcourse_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.channels_app_callrecording
    ADD CONSTRAINT channels_app_callrecording_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.channels_app_callspeech
    ADD CONSTRAINT channels_app_callspeech_message_id_key UNIQUE (message_id);

ALTER TABLE ONLY public.channels_app_callspeech
    ADD CONSTRAINT channels_app_callspeech_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.channels_app_callstep
    ADD CONSTRAINT channels_app_callstep_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.channels_app_calltransfer
    ADD CONSTRAINT channels_app_calltransfer_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.channels_app_callturn
    ADD CONSTRAINT channels_app_callturn_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.channels_app_connection
    ADD CONSTRAINT channels_app_connection_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.channels_app_connectionsecret
    ADD CONSTRAINT channels_app_connectionsecret_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.channels_app_consent
    ADD CONSTRAINT channels_app_consent_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.channels_app_consentchange
    ADD CONSTRAINT channels_app_consentchange_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.channels_app_conversationlink
    ADD CONSTRAINT channels_app_conversationlink_conversation_id_key UNIQUE (conversation_id);

ALTER TABLE ONLY public.channels_app_conversationlink
    ADD CONSTRAINT channels_app_conversationlink_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.channels_app_delivery
    ADD CONSTRAINT channels_app_delivery_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.channels_app_deliveryattempt
    ADD CONSTRAINT channels_app_deliveryattempt_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.channels_app_deskcase
    ADD CONSTRAINT channels_app_deskcase_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.channels_app_inboundevent
    ADD CONSTRAINT channels_app_inboundevent_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.channels_app_inboundmedia
    ADD CONSTRAINT channels_app_inboundmedia_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.channels_app_interactivecontent
    ADD CONSTRAINT channels_app_interactivecontent_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.channels_app_mediabeat
    ADD CONSTRAINT channels_app_mediabeat_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.channels_app_membertelephone
    ADD CONSTRAINT channels_app_membertelephone_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.channels_app_messagetemplate
    ADD CONSTRAINT channels_app_messagetemplate_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.channels_app_recordingpart
    ADD CONSTRAINT channels_app_recordingpart_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.channels_app_refusedrequest
    ADD CONSTRAINT channels_app_refusedrequest_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.channels_app_rehearsal
    ADD CONSTRAINT channels_app_rehearsal_connection_id_key UNIQUE (connection_id);

ALTER TABLE ONLY public.channels_app_rehearsal
    ADD CONSTRAINT channels_app_rehearsal_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.channels_app_rehearsalcall
    ADD CONSTRAINT channels_app_rehearsalcall_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.channels_app_rehearsalline
    ADD CONSTRAINT channels_app_rehearsalline_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.channels_app_rehearsalpicture
    ADD CONSTRAINT channels_app_rehearsalpicture_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.channels_app_rehearsalpicture
    ADD CONSTRAINT channels_app_rehearsalpicture_sid_key UNIQUE (sid);

ALTER TABLE ONLY public.channels_app_relayticket
    ADD CONSTRAINT channels_app_relayticket_digest_key UNIQUE (digest);

ALTER TABLE ONLY public.channels_app_relayticket
    ADD CONSTRAINT channels_app_relayticket_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.channels_app_servicewindow
    ADD CONSTRAINT channels_app_servicewindow_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.channels_app_spendingcount
    ADD CONSTRAINT channels_app_spendingcount_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.channels_app_templatesync
    ADD CONSTRAINT channels_app_templatesync_connection_id_key UNIQUE (connection_id);

ALTER TABLE ONLY public.channels_app_templatesync
    ADD CONSTRAINT channels_app_templatesync_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.channels_app_workerbeat
    ADD CONSTRAINT channels_app_workerbeat_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.deployments_addresskey
    ADD CONSTRAINT deployments_addresskey_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.deployments_answererbeat
    ADD CONSTRAINT deployments_answererbeat_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.deployments_assistant
    ADD CONSTRAINT deployments_assistant_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.deployments_assistantversion
    ADD CONSTRAINT deployments_assistantversion_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.deployments_budget
    ADD CONSTRAINT deployments_budget_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.deployments_budgetcount
    ADD CONSTRAINT deployments_budgetcount_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.deployments_budgetnotice
    ADD CONSTRAINT deployments_budgetnotice_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.deployments_cannedreply
    ADD CONSTRAINT deployments_cannedreply_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.deployments_conversation
    ADD CONSTRAINT deployments_conversation_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.deployments_conversationtag
    ADD CONSTRAINT deployments_conversationtag_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.deployments_deployment
    ADD CONSTRAINT deployments_deployment_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.deployments_deploymenttoken
    ADD CONSTRAINT deployments_deploymenttoken_digest_key UNIQUE (digest);

ALTER TABLE ONLY public.deployments_deploymenttoken
    ADD CONSTRAINT deployments_deploymenttoken_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.deployments_file
    ADD CONSTRAINT deployments_file_key_key UNIQUE (key);

ALTER TABLE ONLY public.deployments_file
    ADD CONSTRAINT deployments_file_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.deployments_gonefile
    ADD CONSTRAINT deployments_gonefile_pkey PRIMARY KEY (key);

ALTER TABLE ONLY public.deployments_handoff
    ADD CONSTRAINT deployments_handoff_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.deployments_identity
    ADD CONSTRAINT deployments_identity_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.deployments_identitysecret
    ADD CONSTRAINT deployments_identitysecret_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.deployments_knowledgechunk
    ADD CONSTRAINT deployments_knowledgechunk_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.deployments_knowledgeembedding
    ADD CONSTRAINT deployments_knowledgeembedding_assistant_id_key UNIQUE (assistant_id);

ALTER TABLE ONLY public.deployments_knowledgeembedding
    ADD CONSTRAINT deployments_knowledgeembedding_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.deployments_knowledgepage
    ADD CONSTRAINT deployments_knowledgepage_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.deployments_knowledgesource
    ADD CONSTRAINT deployments_knowledgesource_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.deployments_knowledgeupload
    ADD CONSTRAINT deployments_knowledgeupload_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.deployments_knowledgeupload
    ADD CONSTRAINT deployments_knowledgeupload_source_id_key UNIQUE (source_id);

ALTER TABLE ONLY public.deployments_knowledgevocabulary
    ADD CONSTRAINT deployments_knowledgevocabulary_assistant_id_key UNIQUE (assistant_id);

ALTER TABLE ONLY public.deployments_knowledgevocabulary
    ADD CONSTRAINT deployments_knowledgevocabulary_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.deployments_mention
    ADD CONSTRAINT deployments_mention_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.deployments_message
    ADD CONSTRAINT deployments_message_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.deployments_modelprice
    ADD CONSTRAINT deployments_modelprice_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.deployments_note
    ADD CONSTRAINT deployments_note_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.deployments_person
    ADD CONSTRAINT deployments_person_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.deployments_personfield
    ADD CONSTRAINT deployments_personfield_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.deployments_personmerge
    ADD CONSTRAINT deployments_personmerge_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.deployments_personnote
    ADD CONSTRAINT deployments_personnote_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.deployments_previewtoken
    ADD CONSTRAINT deployments_previewtoken_digest_key UNIQUE (digest);

ALTER TABLE ONLY public.deployments_previewtoken
    ADD CONSTRAINT deployments_previewtoken_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.deployments_refusedorigin
    ADD CONSTRAINT deployments_refusedorigin_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.deployments_replymail
    ADD CONSTRAINT deployments_replymail_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.deployments_responderhealth
    ADD CONSTRAINT deployments_responderhealth_assistant_id_key UNIQUE (assistant_id);

ALTER TABLE ONLY public.deployments_responderhealth
    ADD CONSTRAINT deployments_responderhealth_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.deployments_rollout
    ADD CONSTRAINT deployments_rollout_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.deployments_savedview
    ADD CONSTRAINT deployments_savedview_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.deployments_sessiontoken
    ADD CONSTRAINT deployments_sessiontoken_digest_key UNIQUE (digest);

ALTER TABLE ONLY public.deployments_sessiontoken
    ADD CONSTRAINT deployments_sessiontoken_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.deployments_spending
    ADD CONSTRAINT deployments_spending_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.deployments_tag
    ADD CONSTRAINT deployments_tag_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.deployments_tokenuse
    ADD CONSTRAINT deployments_tokenuse_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.deployments_turn
    ADD CONSTRAINT deployments_turn_message_id_key UNIQUE (message_id);

ALTER TABLE ONLY public.deployments_turn
    ADD CONSTRAINT deployments_turn_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.deployments_visitorsession
    ADD CONSTRAINT deployments_visitorsession_conversation_id_key UNIQUE (conversation_id);

ALTER TABLE ONLY public.deployments_visitorsession
    ADD CONSTRAINT deployments_visitorsession_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.deployments_webhookcallback
    ADD CONSTRAINT deployments_webhookcallback_digest_key UNIQUE (digest);

ALTER TABLE ONLY public.deployments_webhookcallback
    ADD CONSTRAINT deployments_webhookcallback_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.deployments_webhooksecret
    ADD CONSTRAINT deployments_webhooksecret_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.django_admin_log
    ADD CONSTRAINT django_admin_log_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.django_content_type
    ADD CONSTRAINT django_content_type_app_label_model_76bd3d3b_uniq UNIQUE (app_label, model);

ALTER TABLE ONLY public.django_content_type
    ADD CONSTRAINT django_content_type_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.django_migrations
    ADD CONSTRAINT django_migrations_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.django_session
    ADD CONSTRAINT django_session_pkey PRIMARY KEY (session_key);

ALTER TABLE ONLY public.deployments_addresskey
    ADD CONSTRAINT one_address_key UNIQUE (workspace_id);

ALTER TABLE ONLY public.workspaces_idempotencykey
    ADD CONSTRAINT one_answer_per_idempotency_key UNIQUE (workspace_id, route, key);

ALTER TABLE ONLY public.channels_app_deliveryattempt
    ADD CONSTRAINT one_attempt_per_number UNIQUE (delivery_id, number);

ALTER TABLE ONLY public.deployments_budgetcount
    ADD CONSTRAINT one_budget_count UNIQUE (budget_id, whose, day);

ALTER TABLE ONLY public.deployments_budget
    ADD CONSTRAINT one_budget_each UNIQUE NULLS NOT DISTINCT (workspace_id, deployment_id, measure, per);

ALTER TABLE ONLY public.deployments_budgetnotice
    ADD CONSTRAINT one_budget_notice UNIQUE (budget_id, level, day);

ALTER TABLE ONLY public.channels_app_call
    ADD CONSTRAINT one_call_per_sid UNIQUE (connection_id, sid);

ALTER TABLE ONLY public.deployments_cannedreply
    ADD CONSTRAINT one_canned_reply_per_shortcut UNIQUE (workspace_id, shortcut);

ALTER TABLE ONLY public.channels_app_consent
    ADD CONSTRAINT one_consent_per_address UNIQUE (connection_id, address);

ALTER TABLE ONLY public.channels_app_interactivecontent
    ADD CONSTRAINT one_content_per_digest UNIQUE (connection_id, digest);

ALTER TABLE ONLY public.channels_app_refusedrequest
    ADD CONSTRAINT one_count_per_reason_and_hour UNIQUE (connection_id, reason, hour);

ALTER TABLE ONLY public.channels_app_spendingcount
    ADD CONSTRAINT one_count_per_time UNIQUE (connection_id, what, whose, since);

ALTER TABLE ONLY public.channels_app_deskcase
    ADD CONSTRAINT one_desk_case_per_key UNIQUE (connection_id, key);

ALTER TABLE ONLY public.channels_app_inboundevent
    ADD CONSTRAINT one_event_per_key UNIQUE (connection_id, key);

ALTER TABLE ONLY public.workspaces_secrethost
    ADD CONSTRAINT one_grant_per_host UNIQUE (workspace_id, key, host);

ALTER TABLE ONLY public.channels_app_inboundmedia
    ADD CONSTRAINT one_media_per_place UNIQUE (message_id, place);

ALTER TABLE ONLY public.workspaces_membership
    ADD CONSTRAINT one_membership_per_user UNIQUE (workspace_id, user_id);

ALTER TABLE ONLY public.deployments_mention
    ADD CONSTRAINT one_mention_per_note UNIQUE (note_id, user_id);

ALTER TABLE ONLY public.deployments_message
    ADD CONSTRAINT one_message_per_client_id UNIQUE (conversation_id, client_id);

ALTER TABLE ONLY public.deployments_message
    ADD CONSTRAINT one_message_per_seq UNIQUE (conversation_id, seq);

ALTER TABLE ONLY public.deployments_note
    ADD CONSTRAINT one_note_per_client_id UNIQUE (conversation_id, client_id);

ALTER TABLE ONLY public.deployments_budgetnotice
    ADD CONSTRAINT one_notice_of_an_outage UNIQUE (health_id);

ALTER TABLE ONLY public.deployments_conversationtag
    ADD CONSTRAINT one_of_a_tag_per_conversation UNIQUE (conversation_id, tag_id);

ALTER TABLE ONLY public.channels_app_recordingpart
    ADD CONSTRAINT one_part_per_number UNIQUE (recording_id, number);

ALTER TABLE ONLY public.deployments_personfield
    ADD CONSTRAINT one_person_field_per_key UNIQUE (workspace_id, key);

ALTER TABLE ONLY public.deployments_person
    ADD CONSTRAINT one_person_per_external_id UNIQUE (workspace_id, external_id);

ALTER TABLE ONLY public.deployments_identity
    ADD CONSTRAINT one_person_per_identity UNIQUE (workspace_id, kind, value);

ALTER TABLE ONLY public.deployments_modelprice
    ADD CONSTRAINT one_price_a_day UNIQUE (workspace_id, model, valid_from);

ALTER TABLE ONLY public.channels_app_callrecording
    ADD CONSTRAINT one_recording_per_sid UNIQUE (connection_id, sid);

ALTER TABLE ONLY public.deployments_refusedorigin
    ADD CONSTRAINT one_refusal_per_origin UNIQUE (deployment_id, origin);

ALTER TABLE ONLY public.channels_app_rehearsalcall
    ADD CONSTRAINT one_rehearsed_call_per_sid UNIQUE (connection_id, sid);

ALTER TABLE ONLY public.workspaces_secret
    ADD CONSTRAINT one_secret_per_key UNIQUE (workspace_id, key);

ALTER TABLE ONLY public.deployments_visitorsession
    ADD CONSTRAINT one_session_per_client_id UNIQUE (deployment_id, client_id);

ALTER TABLE ONLY public.channels_app_membertelephone
    ADD CONSTRAINT one_telephone_per_member UNIQUE (workspace_id, member_id);

ALTER TABLE ONLY public.channels_app_messagetemplate
    ADD CONSTRAINT one_template_per_sid UNIQUE (connection_id, sid);

ALTER TABLE ONLY public.channels_app_relayticket
    ADD CONSTRAINT one_ticket_per_nonce UNIQUE (call_id, nonce_digest);

ALTER TABLE ONLY public.channels_app_callturn
    ADD CONSTRAINT one_turn_per_number UNIQUE (call_id, number);

ALTER TABLE ONLY public.deployments_tokenuse
    ADD CONSTRAINT one_use_per_origin UNIQUE (token_id, origin);

ALTER TABLE ONLY public.deployments_assistantversion
    ADD CONSTRAINT one_version_per_number UNIQUE (assistant_id, number);

ALTER TABLE ONLY public.channels_app_servicewindow
    ADD CONSTRAINT one_window_per_address UNIQUE (connection_id, address);

ALTER TABLE ONLY public.workspaces_apikey
    ADD CONSTRAINT workspaces_apikey_digest_key UNIQUE (digest);

ALTER TABLE ONLY public.workspaces_apikey
    ADD CONSTRAINT workspaces_apikey_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.workspaces_auditevent
    ADD CONSTRAINT workspaces_auditevent_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.workspaces_idempotencykey
    ADD CONSTRAINT workspaces_idempotencykey_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.workspaces_membership
    ADD CONSTRAINT workspaces_membership_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.workspaces_secret
    ADD CONSTRAINT workspaces_secret_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.workspaces_secrethost
    ADD CONSTRAINT workspaces_secrethost_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.workspaces_signinlink
    ADD CONSTRAINT workspaces_signinlink_digest_key UNIQUE (digest);

ALTER TABLE ONLY public.workspaces_signinlink
    ADD CONSTRAINT workspaces_signinlink_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.workspaces_user
    ADD CONSTRAINT workspaces_user_email_key UNIQUE (email);

ALTER TABLE ONLY public.workspaces_user_groups
    ADD CONSTRAINT workspaces_user_groups_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.workspaces_user_groups
    ADD CONSTRAINT workspaces_user_groups_user_id_group_id_0b58b092_uniq UNIQUE (user_id, group_id);

ALTER TABLE ONLY public.workspaces_user
    ADD CONSTRAINT workspaces_user_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.workspaces_user_user_permissions
    ADD CONSTRAINT workspaces_user_user_per_user_id_permission_id_09b3821a_uniq UNIQUE (user_id, permission_id);

ALTER TABLE ONLY public.workspaces_user_user_permissions
    ADD CONSTRAINT workspaces_user_user_permissions_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.workspaces_workspace
    ADD CONSTRAINT workspaces_workspace_pkey PRIMARY KEY (id);

CREATE INDEX account_emailaddress_email_03be32b2 ON public.account_emailaddress USING btree (email);

CREATE INDEX account_emailaddress_email_03be32b2_like ON public.account_emailaddress USING btree (email varchar_pattern_ops);

CREATE INDEX account_emailaddress_user_id_2c513194 ON public.account_emailaddress USING btree (user_id);

CREATE INDEX account_emailconfirmation_email_address_id_5b7f8c58 ON public.account_emailconfirmation USING btree (email_address_id);

CREATE INDEX account_emailconfirmation_key_f43612bd_like ON public.account_emailconfirmation USING btree (key varchar_pattern_ops);

CREATE INDEX answerer_looked ON public.deployments_answererbeat USING btree (looked_at);

CREATE INDEX auth_group_name_a6ea08ec_like ON public.auth_group USING btree (name varchar_pattern_ops);

CREATE INDEX auth_group_permissions_group_id_b120cbf9 ON public.auth_group_permissions USING btree (group_id);

CREATE INDEX auth_group_permissions_permission_id_84c5c92e ON public.auth_group_permissions USING btree (permission_id);

CREATE INDEX auth_permission_content_type_id_2f476e4b ON public.auth_permission USING btree (content_type_id);

CREATE INDEX axes_accessattempt_ip_address_10922d9c ON public.axes_accessattempt USING btree (ip_address);

CREATE INDEX axes_accessattempt_user_agent_ad89678b ON public.axes_accessattempt USING btree (user_agent);

CREATE INDEX axes_accessattempt_user_agent_ad89678b_like ON public.axes_accessattempt USING btree (user_agent varchar_pattern_ops);

CREATE INDEX axes_accessattempt_username_3f2d4ca0 ON public.axes_accessattempt USING btree (username);

CREATE INDEX axes_accessattempt_username_3f2d4ca0_like ON public.axes_accessattempt USING btree (username varchar_pattern_ops);

CREATE INDEX axes_accessfailurelog_ip_address_2e9f5a7f ON public.axes_accessfailurelog USING btree (ip_address);

CREATE INDEX axes_accessfailurelog_user_agent_ea145dda ON public.axes_accessfailurelog USING btree (user_agent);

CREATE INDEX axes_accessfailurelog_user_agent_ea145dda_like ON public.axes_accessfailurelog USING btree (user_agent varchar_pattern_ops);

CREATE INDEX axes_accessfailurelog_username_a8b7e8a4 ON public.axes_accessfailurelog USING btree (username);

CREATE INDEX axes_accessfailurelog_username_a8b7e8a4_like ON public.axes_accessfailurelog USING btree (username varchar_pattern_ops);

CREATE INDEX axes_accesslog_ip_address_86b417e5 ON public.axes_accesslog USING btree (ip_address);

CREATE INDEX axes_accesslog_user_agent_0e659004 ON public.axes_accesslog USING btree (user_agent);

CREATE INDEX axes_accesslog_user_agent_0e659004_like ON public.axes_accesslog USING btree (user_agent varchar_pattern_ops);

CREATE INDEX axes_accesslog_username_df93064b ON public.axes_accesslog USING btree (username);

CREATE INDEX axes_accesslog_username_df93064b_like ON public.axes_accesslog USING btree (username varchar_pattern_ops);

CREATE INDEX budget_notice_due ON public.deployments_budgetnotice USING btree (due_at) WHERE (due_at IS NOT NULL);

CREATE INDEX call_due ON public.channels_app_call USING btree (due_at) WHERE (NOT ((state)::text = 'ended'::text));

CREATE INDEX call_newest ON public.channels_app_call USING btree (connection_id, began_at DESC);

CREATE INDEX channels_ap_connect_3c49a1_idx ON public.channels_app_rehearsalline USING btree (connection_id, created_at DESC);

CREATE INDEX channels_ap_connect_46fb09_idx ON public.channels_app_inboundevent USING btree (connection_id, received_at DESC);

CREATE INDEX channels_ap_connect_c8786f_idx ON public.channels_app_delivery USING btree (connection_id, created_at DESC);

CREATE INDEX channels_ap_consent_b562c7_idx ON public.channels_app_consentchange USING btree (consent_id, at DESC);

CREATE INDEX channels_ap_looked__6e0974_idx ON public.channels_app_workerbeat USING btree (looked_at);

CREATE INDEX channels_ap_workspa_2b4004_idx ON public.channels_app_connection USING btree (workspace_id, created_at);

CREATE INDEX channels_app_call_connection_id_dee51b71 ON public.channels_app_call USING btree (connection_id);

CREATE INDEX channels_app_call_workspace_id_2d6133b7 ON public.channels_app_call USING btree (workspace_id);

CREATE INDEX channels_app_callcourse_transfer_id_eaea9477 ON public.channels_app_callcourse USING btree (transfer_id);

CREATE INDEX channels_app_callcourse_workspace_id_aa5c4cae ON public.channels_app_callcourse USING btree (workspace_id);

CREATE INDEX channels_app_callrecording_call_id_6f9a98fa ON public.channels_app_callrecording USING btree (call_id);

CREATE INDEX channels_app_callrecording_connection_id_a1d762bd ON public.channels_app_callrecording USING btree (connection_id);

CREATE INDEX channels_app_callrecording_file_id_b644de77 ON public.channels_app_callrecording USING btree (file_id);

CREATE INDEX channels_app_callrecording_workspace_id_596a619b ON public.channels_app_callrecording USING btree (workspace_id);

CREATE INDEX channels_app_callspeech_call_id_7f5647a6 ON public.channels_app_callspeech USING btree (call_id);

CREATE INDEX channels_app_callspeech_turn_id_76178b83 ON public.channels_app_callspeech USING btree (turn_id);

CREATE INDEX channels_app_callspeech_workspace_id_7a0c76a4 ON public.channels_app_callspeech USING btree (workspace_id);

CREATE INDEX channels_app_callstep_call_id_23f50850 ON public.channels_app_callstep USING btree (call_id);

CREATE INDEX channels_app_callstep_workspace_id_e05483e7 ON public.channels_app_callstep USING btree (workspace_id);

CREATE INDEX channels_app_calltransfer_call_id_870258b0 ON public.channels_app_calltransfer USING btree (call_id);

CREATE INDEX channels_app_calltransfer_handoff_id_4a78c578 ON public.channels_app_calltransfer USING btree (handoff_id);

CREATE INDEX channels_app_calltransfer_member_id_f559030c ON public.channels_app_calltransfer USING btree (member_id);

CREATE INDEX channels_app_calltransfer_workspace_id_3f32beca ON public.channels_app_calltransfer USING btree (workspace_id);

CREATE INDEX channels_app_callturn_call_id_8476d3b6 ON public.channels_app_callturn USING btree (call_id);

CREATE INDEX channels_app_callturn_message_id_dd643254 ON public.channels_app_callturn USING btree (message_id);

CREATE INDEX channels_app_callturn_workspace_id_ddc85f7c ON public.channels_app_callturn USING btree (workspace_id);

CREATE INDEX channels_app_connection_assistant_id_8f71e0a1 ON public.channels_app_connection USING btree (assistant_id);

CREATE INDEX channels_app_connection_created_by_id_cd55423d ON public.channels_app_connection USING btree (created_by_id);

CREATE INDEX channels_app_connection_workspace_id_156c1f88 ON public.channels_app_connection USING btree (workspace_id);

CREATE INDEX channels_app_connectionsecret_connection_id_f98a5350 ON public.channels_app_connectionsecret USING btree (connection_id);

CREATE INDEX channels_app_connectionsecret_workspace_id_b8c8d7eb ON public.channels_app_connectionsecret USING btree (workspace_id);

CREATE INDEX channels_app_consent_connection_id_231824b8 ON public.channels_app_consent USING btree (connection_id);

CREATE INDEX channels_app_consent_workspace_id_d46bba89 ON public.channels_app_consent USING btree (workspace_id);

CREATE INDEX channels_app_consentchange_consent_id_4590434a ON public.channels_app_consentchange USING btree (consent_id);

CREATE INDEX channels_app_consentchange_workspace_id_9959a740 ON public.channels_app_consentchange USING btree (workspace_id);

CREATE INDEX channels_app_conversationlink_connection_id_c564e489 ON public.channels_app_conversationlink USING btree (connection_id);

CREATE INDEX channels_app_conversationlink_workspace_id_78e8a288 ON public.channels_app_conversationlink USING btree (workspace_id);

CREATE INDEX channels_app_delivery_connection_id_64e15928 ON public.channels_app_delivery USING btree (connection_id);

CREATE INDEX channels_app_delivery_conversation_id_62d68457 ON public.channels_app_delivery USING btree (conversation_id);

CREATE INDEX channels_app_delivery_message_id_e3061c48 ON public.channels_app_delivery USING btree (message_id);

CREATE INDEX channels_app_delivery_workspace_id_aedab8a7 ON public.channels_app_delivery USING btree (workspace_id);

CREATE INDEX channels_app_deliveryattempt_delivery_id_9ac7a4c2 ON public.channels_app_deliveryattempt USING btree (delivery_id);

CREATE INDEX channels_app_deliveryattempt_workspace_id_a59aa0bb ON public.channels_app_deliveryattempt USING btree (workspace_id);

CREATE INDEX channels_app_deskcase_connection_id_5fba6522 ON public.channels_app_deskcase USING btree (connection_id);

CREATE INDEX channels_app_deskcase_conversation_id_5269cbbe ON public.channels_app_deskcase USING btree (conversation_id);

CREATE INDEX channels_app_deskcase_handoff_id_d6e93992 ON public.channels_app_deskcase USING btree (handoff_id);

CREATE INDEX channels_app_deskcase_workspace_id_6ab8fa86 ON public.channels_app_deskcase USING btree (workspace_id);

CREATE INDEX channels_app_inboundevent_connection_id_579c4230 ON public.channels_app_inboundevent USING btree (connection_id);

CREATE INDEX channels_app_inboundevent_conversation_id_9a284265 ON public.channels_app_inboundevent USING btree (conversation_id);

CREATE INDEX channels_app_inboundevent_delivery_id_c23a85ee ON public.channels_app_inboundevent USING btree (delivery_id);

CREATE INDEX channels_app_inboundevent_message_id_daf62dbf ON public.channels_app_inboundevent USING btree (message_id);

CREATE INDEX channels_app_inboundevent_workspace_id_611901c9 ON public.channels_app_inboundevent USING btree (workspace_id);

CREATE INDEX channels_app_inboundmedia_connection_id_9586d87e ON public.channels_app_inboundmedia USING btree (connection_id);

CREATE INDEX channels_app_inboundmedia_conversation_id_a7216665 ON public.channels_app_inboundmedia USING btree (conversation_id);

CREATE INDEX channels_app_inboundmedia_file_id_de0ccdc7 ON public.channels_app_inboundmedia USING btree (file_id);

CREATE INDEX channels_app_inboundmedia_message_id_42b4857e ON public.channels_app_inboundmedia USING btree (message_id);

CREATE INDEX channels_app_inboundmedia_workspace_id_ce1f5dcb ON public.channels_app_inboundmedia USING btree (workspace_id);

CREATE INDEX channels_app_interactivecontent_connection_id_df3bd561 ON public.channels_app_interactivecontent USING btree (connection_id);

CREATE INDEX channels_app_interactivecontent_workspace_id_4a2ad6d3 ON public.channels_app_interactivecontent USING btree (workspace_id);

CREATE INDEX channels_app_membertelephone_member_id_f08c3c53 ON public.channels_app_membertelephone USING btree (member_id);

CREATE INDEX channels_app_membertelephone_workspace_id_ab892f91 ON public.channels_app_membertelephone USING btree (workspace_id);

CREATE INDEX channels_app_messagetemplate_connection_id_0b18742a ON public.channels_app_messagetemplate USING btree (connection_id);

CREATE INDEX channels_app_messagetemplate_workspace_id_4c6b4cfc ON public.channels_app_messagetemplate USING btree (workspace_id);

CREATE INDEX channels_app_recordingpart_recording_id_58ce9b93 ON public.channels_app_recordingpart USING btree (recording_id);

CREATE INDEX channels_app_recordingpart_workspace_id_34671a86 ON public.channels_app_recordingpart USING btree (workspace_id);

CREATE INDEX channels_app_refusedrequest_connection_id_d55a120b ON public.channels_app_refusedrequest USING btree (connection_id);

CREATE INDEX channels_app_refusedrequest_workspace_id_3a3c1a19 ON public.channels_app_refusedrequest USING btree (workspace_id);

CREATE INDEX channels_app_rehearsal_workspace_id_26769027 ON public.channels_app_rehearsal USING btree (workspace_id);

CREATE INDEX channels_app_rehearsalcall_connection_id_9ff5633d ON public.channels_app_rehearsalcall USING btree (connection_id);

CREATE INDEX channels_app_rehearsalcall_workspace_id_4d0c8493 ON public.channels_app_rehearsalcall USING btree (workspace_id);

CREATE INDEX channels_app_rehearsalline_connection_id_91c1a205 ON public.channels_app_rehearsalline USING btree (connection_id);

CREATE INDEX channels_app_rehearsalline_delivery_id_7864df82 ON public.channels_app_rehearsalline USING btree (delivery_id);

CREATE INDEX channels_app_rehearsalline_workspace_id_0c5fe730 ON public.channels_app_rehearsalline USING btree (workspace_id);

CREATE INDEX channels_app_rehearsalpicture_connection_id_b736d7bc ON public.channels_app_rehearsalpicture USING btree (connection_id);

CREATE INDEX channels_app_rehearsalpicture_sid_69b979c9_like ON public.channels_app_rehearsalpicture USING btree (sid varchar_pattern_ops);

CREATE INDEX channels_app_rehearsalpicture_workspace_id_e2bedff3 ON public.channels_app_rehearsalpicture USING btree (workspace_id);

CREATE INDEX channels_app_relayticket_call_id_7dba444e ON public.channels_app_relayticket USING btree (call_id);

CREATE INDEX channels_app_relayticket_workspace_id_85143e84 ON public.channels_app_relayticket USING btree (workspace_id);

CREATE INDEX channels_app_servicewindow_connection_id_2c2bef71 ON public.channels_app_servicewindow USING btree (connection_id);

CREATE INDEX channels_app_servicewindow_workspace_id_abdd71d3 ON public.channels_app_servicewindow USING btree (workspace_id);

CREATE INDEX channels_app_spendingcount_connection_id_9d7f8d11 ON public.channels_app_spendingcount USING btree (connection_id);

CREATE INDEX channels_app_spendingcount_workspace_id_834fc66d ON public.channels_app_spendingcount USING btree (workspace_id);

CREATE INDEX channels_app_templatesync_workspace_id_ff395be2 ON public.channels_app_templatesync USING btree (workspace_id);

CREATE INDEX chunk_of_page ON public.deployments_knowledgechunk USING btree (page_id, "position");

CREATE INDEX chunk_without_embedding ON public.deployments_knowledgechunk USING btree (assistant_id) WHERE (embedding IS NULL);

CREATE INDEX consent_by_address ON public.channels_app_consent USING btree (workspace_id, address);

CREATE INDEX conversation_idle ON public.deployments_conversation USING btree (last_activity_at) WHERE ((status)::text = 'active'::text);

CREATE INDEX conversation_open ON public.deployments_conversation USING btree (workspace_id, last_activity_at DESC) WHERE ((status)::text = 'active'::text);

CREATE INDEX conversation_silent ON public.deployments_conversation USING btree (silent_at) WHERE (silent_at IS NOT NULL);

CREATE INDEX conversation_snoozed ON public.deployments_conversation USING btree (snoozed_until) WHERE (snoozed_until IS NOT NULL);

CREATE INDEX conversation_waiting ON public.deployments_conversation USING btree (waiting_since) WHERE ((control)::text = 'waiting'::text);

CREATE INDEX course_due ON public.channels_app_callcourse USING btree (due_at) WHERE (due_at IS NOT NULL);

CREATE INDEX delivery_awaits_window ON public.channels_app_delivery USING btree (connection_id, address) WHERE awaits_window;

CREATE INDEX delivery_by_id ON public.channels_app_delivery USING btree (connection_id, provider_id) WHERE (NOT ((provider_id)::text = ''::text));

CREATE INDEX delivery_dead ON public.channels_app_delivery USING btree (workspace_id) WHERE ((dismissed_at IS NULL) AND ((status)::text = ANY ((ARRAY['failed'::character varying, 'unknown'::character varying])::text[])));

CREATE INDEX delivery_due ON public.channels_app_delivery USING btree (due_at) WHERE ((status)::text = 'queued'::text);

CREATE INDEX delivery_lane ON public.channels_app_delivery USING btree (lane, "position") WHERE ((status)::text = 'queued'::text);

CREATE INDEX delivery_let_go ON public.channels_app_delivery USING btree (connection_id, address) WHERE (let_go_at IS NOT NULL);

CREATE INDEX deployments_addresskey_workspace_id_f3f6d325 ON public.deployments_addresskey USING btree (workspace_id);

CREATE INDEX deployments_assistant_published_id_926685bc ON public.deployments_assistant USING btree (published_id);

CREATE INDEX deployments_assistant_workspace_id_a177d0bc ON public.deployments_assistant USING btree (workspace_id);

CREATE INDEX deployments_assistantversion_assistant_id_1629efe3 ON public.deployments_assistantversion USING btree (assistant_id);

CREATE INDEX deployments_assistantversion_published_by_id_81bde062 ON public.deployments_assistantversion USING btree (published_by_id);

CREATE INDEX deployments_assistantversion_workspace_id_dfb637fe ON public.deployments_assistantversion USING btree (workspace_id);

CREATE INDEX deployments_budget_deployment_id_1fb04d74 ON public.deployments_budget USING btree (deployment_id);

CREATE INDEX deployments_budget_workspace_id_6e53f17d ON public.deployments_budget USING btree (workspace_id);

CREATE INDEX deployments_budgetcount_budget_id_63cc78db ON public.deployments_budgetcount USING btree (budget_id);

CREATE INDEX deployments_budgetcount_workspace_id_5fa27651 ON public.deployments_budgetcount USING btree (workspace_id);

CREATE INDEX deployments_budgetnotice_budget_id_c0a58670 ON public.deployments_budgetnotice USING btree (budget_id);

CREATE INDEX deployments_budgetnotice_health_id_6ecaa61a ON public.deployments_budgetnotice USING btree (health_id);

CREATE INDEX deployments_budgetnotice_workspace_id_1b640aea ON public.deployments_budgetnotice USING btree (workspace_id);

CREATE INDEX deployments_cannedreply_workspace_id_8b0c2a19 ON public.deployments_cannedreply USING btree (workspace_id);

CREATE INDEX deployments_convers_4fd723_idx ON public.deployments_message USING btree (conversation_id, rev);

CREATE INDEX deployments_convers_e7144e_idx ON public.deployments_note USING btree (conversation_id, created_at);

CREATE INDEX deployments_conversation_assigned_to_id_d0078ba1 ON public.deployments_conversation USING btree (assigned_to_id);

CREATE INDEX deployments_conversation_assistant_id_f98fa0de ON public.deployments_conversation USING btree (assistant_id);

CREATE INDEX deployments_conversation_deployment_id_86326bbc ON public.deployments_conversation USING btree (deployment_id);

CREATE INDEX deployments_conversation_person_id_15bb06e6 ON public.deployments_conversation USING btree (person_id);

CREATE INDEX deployments_conversation_rollout_id_45811b6f ON public.deployments_conversation USING btree (rollout_id);

CREATE INDEX deployments_conversation_version_id_15cab927 ON public.deployments_conversation USING btree (version_id);

CREATE INDEX deployments_conversation_workspace_id_90a2c784 ON public.deployments_conversation USING btree (workspace_id);

CREATE INDEX deployments_conversationtag_conversation_id_a9b13558 ON public.deployments_conversationtag USING btree (conversation_id);

CREATE INDEX deployments_conversationtag_tag_id_5b74c076 ON public.deployments_conversationtag USING btree (tag_id);

CREATE INDEX deployments_conversationtag_workspace_id_1b8aa04c ON public.deployments_conversationtag USING btree (workspace_id);

CREATE INDEX deployments_deploym_4a8bb7_idx ON public.deployments_deploymenttoken USING btree (deployment_id, created_at DESC);

CREATE INDEX deployments_deploym_78849c_idx ON public.deployments_identitysecret USING btree (deployment_id, created_at DESC);

CREATE INDEX deployments_deploym_9853b6_idx ON public.deployments_refusedorigin USING btree (deployment_id, last_seen_at DESC);

CREATE INDEX deployments_deploym_a0e008_idx ON public.deployments_tokenuse USING btree (deployment_id, last_used_at DESC);

CREATE INDEX deployments_deploym_df7c15_idx ON public.deployments_conversation USING btree (deployment_id, started_at DESC);

CREATE INDEX deployments_deployment_assistant_id_18cd5147 ON public.deployments_deployment USING btree (assistant_id);

CREATE INDEX deployments_deployment_created_by_id_1847e519 ON public.deployments_deployment USING btree (created_by_id);

CREATE INDEX deployments_deployment_workspace_id_90b97962 ON public.deployments_deployment USING btree (workspace_id);

CREATE INDEX deployments_deploymenttoken_deployment_id_33bb3283 ON public.deployments_deploymenttoken USING btree (deployment_id);

CREATE INDEX deployments_deploymenttoken_workspace_id_609122e5 ON public.deployments_deploymenttoken USING btree (workspace_id);

CREATE INDEX deployments_expires_1a082f_idx ON public.deployments_previewtoken USING btree (expires_at);

CREATE INDEX deployments_file_author_user_id_684c62c0 ON public.deployments_file USING btree (author_user_id);

CREATE INDEX deployments_file_conversation_id_78845afa ON public.deployments_file USING btree (conversation_id);

CREATE INDEX deployments_file_key_49240305_like ON public.deployments_file USING btree (key varchar_pattern_ops);

CREATE INDEX deployments_file_message_id_11eedecd ON public.deployments_file USING btree (message_id);

CREATE INDEX deployments_file_workspace_id_2da39580 ON public.deployments_file USING btree (workspace_id);

CREATE INDEX deployments_gonefile_key_2509435e_like ON public.deployments_gonefile USING btree (key varchar_pattern_ops);

CREATE INDEX deployments_handoff_conversation_id_dbe02a53 ON public.deployments_handoff USING btree (conversation_id);

CREATE INDEX deployments_handoff_holder_id_2d01d7f7 ON public.deployments_handoff USING btree (holder_id);

CREATE INDEX deployments_handoff_workspace_id_fae3f619 ON public.deployments_handoff USING btree (workspace_id);

CREATE INDEX deployments_identity_person_id_c192e2c1 ON public.deployments_identity USING btree (person_id);

CREATE INDEX deployments_identity_workspace_id_ed290ff4 ON public.deployments_identity USING btree (workspace_id);

CREATE INDEX deployments_identitysecret_deployment_id_efdd3893 ON public.deployments_identitysecret USING btree (deployment_id);

CREATE INDEX deployments_identitysecret_workspace_id_f6fb90a4 ON public.deployments_identitysecret USING btree (workspace_id);

CREATE INDEX deployments_knowledgechunk_assistant_id_fd5aafbb ON public.deployments_knowledgechunk USING btree (assistant_id);

CREATE INDEX deployments_knowledgechunk_page_id_f0edd0c2 ON public.deployments_knowledgechunk USING btree (page_id);

CREATE INDEX deployments_knowledgechunk_workspace_id_0f58b152 ON public.deployments_knowledgechunk USING btree (workspace_id);

CREATE INDEX deployments_knowledgeembedding_workspace_id_ab0436cf ON public.deployments_knowledgeembedding USING btree (workspace_id);

CREATE INDEX deployments_knowledgepage_source_id_6397da61 ON public.deployments_knowledgepage USING btree (source_id);

CREATE INDEX deployments_knowledgepage_workspace_id_13f489e9 ON public.deployments_knowledgepage USING btree (workspace_id);

CREATE INDEX deployments_knowledgesource_assistant_id_5d9c1b32 ON public.deployments_knowledgesource USING btree (assistant_id);

CREATE INDEX deployments_knowledgesource_workspace_id_ee6c5267 ON public.deployments_knowledgesource USING btree (workspace_id);

CREATE INDEX deployments_knowledgeupload_workspace_id_9be3e934 ON public.deployments_knowledgeupload USING btree (workspace_id);

CREATE INDEX deployments_knowledgevocabulary_workspace_id_93a71811 ON public.deployments_knowledgevocabulary USING btree (workspace_id);

CREATE INDEX deployments_mention_note_id_aae57d6b ON public.deployments_mention USING btree (note_id);

CREATE INDEX deployments_mention_user_id_f692474e ON public.deployments_mention USING btree (user_id);

CREATE INDEX deployments_mention_workspace_id_a3aa6e8e ON public.deployments_mention USING btree (workspace_id);

CREATE INDEX deployments_message_author_user_id_6c3a65f7 ON public.deployments_message USING btree (author_user_id);

CREATE INDEX deployments_message_conversation_id_ff26ae78 ON public.deployments_message USING btree (conversation_id);

CREATE INDEX deployments_message_workspace_id_856cbe29 ON public.deployments_message USING btree (workspace_id);

CREATE INDEX deployments_modelprice_workspace_id_40d66014 ON public.deployments_modelprice USING btree (workspace_id);

CREATE INDEX deployments_note_author_id_fe7dbd06 ON public.deployments_note USING btree (author_id);

CREATE INDEX deployments_note_conversation_id_5cb3c484 ON public.deployments_note USING btree (conversation_id);

CREATE INDEX deployments_note_workspace_id_fa9a0338 ON public.deployments_note USING btree (workspace_id);

CREATE INDEX deployments_person_merged_into_id_ea7e5693 ON public.deployments_person USING btree (merged_into_id);

CREATE INDEX deployments_person_workspace_id_db20fe86 ON public.deployments_person USING btree (workspace_id);

CREATE INDEX deployments_personfield_workspace_id_e88f5b26 ON public.deployments_personfield USING btree (workspace_id);

CREATE INDEX deployments_personmerge_kept_id_7506c108 ON public.deployments_personmerge USING btree (kept_id);

CREATE INDEX deployments_personmerge_merged_id_a05f6840 ON public.deployments_personmerge USING btree (merged_id);

CREATE INDEX deployments_personmerge_workspace_id_1e806463 ON public.deployments_personmerge USING btree (workspace_id);

CREATE INDEX deployments_personnote_author_id_8d476eb2 ON public.deployments_personnote USING btree (author_id);

CREATE INDEX deployments_personnote_person_id_490d77b8 ON public.deployments_personnote USING btree (person_id);

CREATE INDEX deployments_personnote_workspace_id_271afa5d ON public.deployments_personnote USING btree (workspace_id);

CREATE INDEX deployments_previewtoken_conversation_id_a8050d8b ON public.deployments_previewtoken USING btree (conversation_id);

CREATE INDEX deployments_previewtoken_deployment_id_f5b0ceb7 ON public.deployments_previewtoken USING btree (deployment_id);

CREATE INDEX deployments_previewtoken_made_by_id_4cf3d7cf ON public.deployments_previewtoken USING btree (made_by_id);

CREATE INDEX deployments_previewtoken_made_by_key_id_3a7a099b ON public.deployments_previewtoken USING btree (made_by_key_id);

CREATE INDEX deployments_previewtoken_workspace_id_614f7071 ON public.deployments_previewtoken USING btree (workspace_id);

CREATE INDEX deployments_refusedorigin_deployment_id_7d1a87e6 ON public.deployments_refusedorigin USING btree (deployment_id);

CREATE INDEX deployments_refusedorigin_workspace_id_1fb232b2 ON public.deployments_refusedorigin USING btree (workspace_id);

CREATE INDEX deployments_replymail_conversation_id_b318545f ON public.deployments_replymail USING btree (conversation_id);

CREATE INDEX deployments_replymail_workspace_id_93e364fd ON public.deployments_replymail USING btree (workspace_id);

CREATE INDEX deployments_responderhealth_workspace_id_6e028fb8 ON public.deployments_responderhealth USING btree (workspace_id);

CREATE INDEX deployments_rollout_base_version_id_4c64d2d7 ON public.deployments_rollout USING btree (base_version_id);

CREATE INDEX deployments_rollout_deployment_id_93ab5745 ON public.deployments_rollout USING btree (deployment_id);

CREATE INDEX deployments_rollout_ended_by_id_5254d5f9 ON public.deployments_rollout USING btree (ended_by_id);

CREATE INDEX deployments_rollout_replaced_version_id_22448b05 ON public.deployments_rollout USING btree (replaced_version_id);

CREATE INDEX deployments_rollout_started_by_id_e549ec25 ON public.deployments_rollout USING btree (started_by_id);

CREATE INDEX deployments_rollout_version_id_7d773a6d ON public.deployments_rollout USING btree (version_id);

CREATE INDEX deployments_rollout_workspace_id_b8b5627f ON public.deployments_rollout USING btree (workspace_id);

CREATE INDEX deployments_savedview_maker_id_a02de605 ON public.deployments_savedview USING btree (maker_id);

CREATE INDEX deployments_savedview_workspace_id_08a30eac ON public.deployments_savedview USING btree (workspace_id);

CREATE INDEX deployments_sessiontoken_session_id_71575230 ON public.deployments_sessiontoken USING btree (session_id);

CREATE INDEX deployments_sessiontoken_workspace_id_6bd2c85b ON public.deployments_sessiontoken USING btree (workspace_id);

CREATE INDEX deployments_spending_deployment_id_94781784 ON public.deployments_spending USING btree (deployment_id);

CREATE INDEX deployments_spending_workspace_id_ebaf1022 ON public.deployments_spending USING btree (workspace_id);

CREATE INDEX deployments_tag_workspace_id_a6446571 ON public.deployments_tag USING btree (workspace_id);

CREATE INDEX deployments_tokenuse_deployment_id_2c065c06 ON public.deployments_tokenuse USING btree (deployment_id);

CREATE INDEX deployments_tokenuse_token_id_e5082baf ON public.deployments_tokenuse USING btree (token_id);

CREATE INDEX deployments_tokenuse_workspace_id_5e256297 ON public.deployments_tokenuse USING btree (workspace_id);

CREATE INDEX deployments_turn_conversation_id_caad7a77 ON public.deployments_turn USING btree (conversation_id);

CREATE INDEX deployments_turn_workspace_id_913a17c0 ON public.deployments_turn USING btree (workspace_id);

CREATE INDEX deployments_user_id_97e87a_idx ON public.deployments_mention USING btree (user_id, created_at DESC);

CREATE INDEX deployments_visitorsession_deployment_id_1ac6eb31 ON public.deployments_visitorsession USING btree (deployment_id);

CREATE INDEX deployments_visitorsession_token_id_7cb78cdf ON public.deployments_visitorsession USING btree (token_id);

CREATE INDEX deployments_visitorsession_workspace_id_53f7a42d ON public.deployments_visitorsession USING btree (workspace_id);

CREATE INDEX deployments_webhookcallback_turn_id_15677999 ON public.deployments_webhookcallback USING btree (turn_id);

CREATE INDEX deployments_webhookcallback_workspace_id_d1ccbbec ON public.deployments_webhookcallback USING btree (workspace_id);

CREATE INDEX deployments_webhooksecret_assistant_id_219b3a93 ON public.deployments_webhooksecret USING btree (assistant_id);

CREATE INDEX deployments_webhooksecret_workspace_id_e5580cd2 ON public.deployments_webhooksecret USING btree (workspace_id);

CREATE INDEX deployments_workspa_05dd29_idx ON public.deployments_conversation USING btree (workspace_id, last_activity_at DESC);

CREATE INDEX deployments_workspa_c61ca4_idx ON public.deployments_assistant USING btree (workspace_id, name);

CREATE INDEX deployments_workspa_dc294a_idx ON public.deployments_deployment USING btree (workspace_id, assistant_id, created_at DESC);

CREATE INDEX desk_case_by_ref ON public.channels_app_deskcase USING btree (connection_id, ref) WHERE (NOT ((ref)::text = ''::text));

CREATE INDEX desk_case_look ON public.channels_app_deskcase USING btree (look_at) WHERE (look_at IS NOT NULL);

CREATE INDEX django_admin_log_content_type_id_c4bce8eb ON public.django_admin_log USING btree (content_type_id);

CREATE INDEX django_admin_log_user_id_c564eba6 ON public.django_admin_log USING btree (user_id);

CREATE INDEX django_session_expire_date_a5c62663 ON public.django_session USING btree (expire_date);

CREATE INDEX django_session_session_key_c0390e0f_like ON public.django_session USING btree (session_key varchar_pattern_ops);

CREATE INDEX embedding_due ON public.deployments_knowledgeembedding USING btree (due_at) WHERE (due_at IS NOT NULL);

CREATE INDEX event_due ON public.channels_app_inboundevent USING btree (due_at) WHERE ((state)::text = 'received'::text);

CREATE INDEX event_lane ON public.channels_app_inboundevent USING btree (connection_id, lane, received_at) WHERE ((state)::text = 'received'::text);

CREATE INDEX event_unheard ON public.channels_app_inboundevent USING btree (workspace_id, lane) WHERE (((kind)::text = 'message'::text) AND (message_id IS NULL) AND ((state)::text = 'handled'::text));

CREATE INDEX file_unattached ON public.deployments_file USING btree (created_at) WHERE (message_id IS NULL);

CREATE INDEX gone_file_due ON public.deployments_gonefile USING btree (due_at);

CREATE INDEX handoff_due ON public.deployments_handoff USING btree (due_at) WHERE (ended_at IS NULL);

CREATE INDEX handoff_newest ON public.deployments_handoff USING btree (workspace_id, requested_at DESC);

CREATE INDEX line_due ON public.channels_app_rehearsalline USING btree (connection_id, due_at) WHERE (due_at IS NOT NULL);

CREATE INDEX media_due ON public.channels_app_inboundmedia USING btree (due_at) WHERE ((state)::text = 'waiting'::text);

CREATE INDEX media_looked ON public.channels_app_mediabeat USING btree (looked_at);

CREATE INDEX mention_due ON public.deployments_mention USING btree (due_at) WHERE (due_at IS NOT NULL);

CREATE INDEX merge_into ON public.deployments_personmerge USING btree (kept_id, created_at DESC);

CREATE INDEX merge_of ON public.deployments_personmerge USING btree (merged_id, created_at DESC);

CREATE INDEX message_newest ON public.deployments_message USING btree (workspace_id, created_at DESC) WHERE (words IS NOT NULL);

CREATE INDEX message_words ON public.deployments_message USING gin (workspace_id, words) WITH (gin_pending_list_limit='1024') WHERE (words IS NOT NULL);

CREATE INDEX note_of_person ON public.deployments_personnote USING btree (person_id, created_at DESC);

CREATE UNIQUE INDEX one_count_of_all_per_time ON public.channels_app_spendingcount USING btree (workspace_id, what, whose, since) WHERE (connection_id IS NULL);

CREATE UNIQUE INDEX one_current_conversation_per_address ON public.channels_app_conversationlink USING btree (connection_id, address) WHERE is_current;

CREATE UNIQUE INDEX one_open_handoff ON public.deployments_handoff USING btree (conversation_id) WHERE (ended_at IS NULL);

CREATE UNIQUE INDEX one_open_transfer ON public.channels_app_calltransfer USING btree (call_id) WHERE (ended_at IS NULL);

CREATE UNIQUE INDEX one_reply_mail_waits ON public.deployments_replymail USING btree (conversation_id) WHERE ((state)::text = 'queued'::text);

CREATE UNIQUE INDEX one_rollout_at_a_time ON public.deployments_rollout USING btree (deployment_id) WHERE (ended_at IS NULL);

CREATE UNIQUE INDEX one_tag_per_name ON public.deployments_tag USING btree (workspace_id, lower((name)::text));

CREATE UNIQUE INDEX one_user_per_email ON public.workspaces_user USING btree (lower((email)::text));

CREATE INDEX page_of_source ON public.deployments_knowledgepage USING btree (source_id, "position");

CREATE INDEX person_by_visitor ON public.deployments_person USING btree (workspace_id, visitor_id) WHERE (NOT ((visitor_id)::text = ''::text));

CREATE INDEX person_erasing ON public.deployments_person USING btree (erasing_at) WHERE ((erased_at IS NULL) AND (erasing_at IS NOT NULL));

CREATE INDEX person_newest ON public.deployments_person USING btree (workspace_id, created_at DESC, id DESC);

CREATE INDEX person_words ON public.deployments_person USING gin (workspace_id, public.words_of_person((name)::text, (email)::text));

CREATE INDEX recording_due ON public.channels_app_callrecording USING btree (due_at) WHERE ((state)::text = ANY ((ARRAY['made'::character varying, 'fetching'::character varying])::text[]));

CREATE INDEX recording_gone ON public.channels_app_callrecording USING btree (due_at) WHERE (((state)::text = 'deleted'::text) AND (NOT ((url)::text = ''::text)));

CREATE INDEX rehearsed_call_newest ON public.channels_app_rehearsalcall USING btree (connection_id, began_at DESC);

CREATE INDEX reply_mail_due ON public.deployments_replymail USING btree (due_at) WHERE ((state)::text = 'queued'::text);

CREATE INDEX reply_mail_of ON public.deployments_replymail USING btree (conversation_id, created_at);

CREATE INDEX reply_mail_unwanted ON public.deployments_replymail USING btree (workspace_id, address) WHERE ((state)::text = ANY ((ARRAY['bounced'::character varying, 'complained'::character varying])::text[]));

CREATE INDEX source_due ON public.deployments_knowledgesource USING btree (due_at) WHERE (due_at IS NOT NULL);

CREATE INDEX source_of_assistant ON public.deployments_knowledgesource USING btree (assistant_id, created_at);

CREATE INDEX spending_by_age ON public.channels_app_spendingcount USING btree (connection_id, since);

CREATE INDEX spending_day ON public.deployments_spending USING btree (workspace_id, day);

CREATE INDEX spending_held ON public.deployments_spending USING btree (held_until) WHERE (held_until IS NOT NULL);

CREATE INDEX spending_turn ON public.deployments_spending USING btree (turn);

CREATE INDEX spending_visitor ON public.deployments_spending USING btree (visitor) WHERE (visitor IS NOT NULL);

CREATE INDEX step_by_call ON public.channels_app_callstep USING btree (call_id, at);

CREATE INDEX transfer_by_call ON public.channels_app_calltransfer USING btree (call_id, began_at);

CREATE INDEX turn_due ON public.deployments_turn USING btree (created_at) WHERE ((status)::text = ANY ((ARRAY['queued'::character varying, 'running'::character varying])::text[]));

CREATE INDEX turn_unfinished ON public.deployments_turn USING btree (conversation_id, seq) WHERE ((status)::text = ANY ((ARRAY['queued'::character varying, 'running'::character varying])::text[]));

CREATE UNIQUE INDEX unique_primary_email ON public.account_emailaddress USING btree (user_id, "primary") WHERE "primary";

CREATE UNIQUE INDEX unique_verified_email ON public.account_emailaddress USING btree (email) WHERE verified;

CREATE INDEX view_of_member ON public.deployments_savedview USING btree (workspace_id, maker_id);

CREATE INDEX webhook_callback_due ON public.deployments_webhookcallback USING btree (expires_at);

CREATE INDEX webhook_callback_expiry ON public.deployments_webhookcallback USING btree (workspace_id, expires_at);

CREATE INDEX webhook_secret_of_assistant ON public.deployments_webhooksecret USING btree (assistant_id, created_at DESC);

CREATE INDEX workspaces__workspa_5446dc_idx ON public.workspaces_apikey USING btree (workspace_id, created_at DESC);

CREATE INDEX workspaces__workspa_e6e2d1_idx ON public.workspaces_auditevent USING btree (workspace_id, created_at DESC);

CREATE INDEX workspaces_apikey_created_by_id_6a61495c ON public.workspaces_apikey USING btree (created_by_id);

CREATE INDEX workspaces_apikey_workspace_id_2e82a07d ON public.workspaces_apikey USING btree (workspace_id);

CREATE INDEX workspaces_auditevent_workspace_id_142e9c1a ON public.workspaces_auditevent USING btree (workspace_id);

CREATE INDEX workspaces_idempotencykey_workspace_id_1c51d4a1 ON public.workspaces_idempotencykey USING btree (workspace_id);

CREATE INDEX workspaces_membership_user_id_96a9ee37 ON public.workspaces_membership USING btree (user_id);

CREATE INDEX workspaces_membership_workspace_id_03c7ef39 ON public.workspaces_membership USING btree (workspace_id);

CREATE INDEX workspaces_secret_workspace_id_d6624904 ON public.workspaces_secret USING btree (workspace_id);

CREATE INDEX workspaces_secrethost_workspace_id_43109081 ON public.workspaces_secrethost USING btree (workspace_id);

CREATE INDEX workspaces_signinlink_user_id_eabbf58b ON public.workspaces_signinlink USING btree (user_id);

CREATE INDEX workspaces_user_email_b817d139_like ON public.workspaces_user USING btree (email varchar_pattern_ops);

CREATE INDEX workspaces_user_groups_group_id_b23d60db ON public.workspaces_user_groups USING btree (group_id);

CREATE INDEX workspaces_user_groups_user_id_4ba6664c ON public.workspaces_user_groups USING btree (user_id);

CREATE INDEX workspaces_user_user_permissions_permission_id_838e521f ON public.workspaces_user_user_permissions USING btree (permission_id);

CREATE INDEX workspaces_user_user_permissions_user_id_b1cea117 ON public.workspaces_user_user_permissions USING btree (user_id);

CREATE TRIGGER keep_key_of_file AFTER DELETE ON public.deployments_file FOR EACH ROW EXECUTE FUNCTION public.keep_key_of_file();

CREATE TRIGGER versions_never_change BEFORE UPDATE ON public.deployments_assistantversion FOR EACH ROW WHEN ((((((old.workspace_id IS DISTINCT FROM new.workspace_id) OR (old.assistant_id IS DISTINCT FROM new.assistant_id)) OR (old.number IS DISTINCT FROM new.number)) OR (old.content IS DISTINCT FROM new.content)) OR (old.published_at IS DISTINCT FROM new.published_at))) EXECUTE FUNCTION public.versions_never_change();

CREATE TRIGGER words_of_changed_message BEFORE UPDATE ON public.deployments_message FOR EACH ROW WHEN (((old.text IS DISTINCT FROM new.text) OR (((old.status)::text = 'streaming'::text) AND ((new.status)::text <> 'streaming'::text)))) EXECUTE FUNCTION public.keep_words_of_message();

CREATE TRIGGER words_of_new_message BEFORE INSERT ON public.deployments_message FOR EACH ROW EXECUTE FUNCTION public.keep_words_of_message();

ALTER TABLE ONLY public.account_emailaddress
    ADD CONSTRAINT account_emailaddress_user_id_2c513194_fk_workspaces_user_id FOREIGN KEY (user_id) REFERENCES public.workspaces_user(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.account_emailconfirmation
    ADD CONSTRAINT account_emailconfirm_email_address_id_5b7f8c58_fk_account_e FOREIGN KEY (email_address_id) REFERENCES public.account_emailaddress(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.auth_group_permissions
    ADD CONSTRAINT auth_group_permissio_permission_id_84c5c92e_fk_auth_perm FOREIGN KEY (permission_id) REFERENCES public.auth_permission(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.auth_group_permissions
    ADD CONSTRAINT auth_group_permissions_group_id_b120cbf9_fk_auth_group_id FOREIGN KEY (group_id) REFERENCES public.auth_group(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.auth_permission
    ADD CONSTRAINT auth_permission_content_type_id_2f476e4b_fk_django_co FOREIGN KEY (content_type_id) REFERENCES public.django_content_type(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.axes_accessattemptexpiration
    ADD CONSTRAINT axes_accessattemptex_access_attempt_id_6b73a47a_fk_axes_acce FOREIGN KEY (access_attempt_id) REFERENCES public.axes_accessattempt(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_call
    ADD CONSTRAINT channels_app_call_connection_id_dee51b71_fk_channels_ FOREIGN KEY (connection_id) REFERENCES public.channels_app_connection(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_call
    ADD CONSTRAINT channels_app_call_conversation_id_aa6971a9_fk_deploymen FOREIGN KEY (conversation_id) REFERENCES public.deployments_conversation(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_call
    ADD CONSTRAINT channels_app_call_workspace_id_2d6133b7_fk_workspace FOREIGN KEY (workspace_id) REFERENCES public.workspaces_workspace(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_callcourse
    ADD CONSTRAINT channels_app_callcou_call_id_d459011d_fk_channels_ FOREIGN KEY (call_id) REFERENCES public.channels_app_call(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_callcourse
    ADD CONSTRAINT channels_app_callcou_transfer_id_eaea9477_fk_channels_ FOREIGN KEY (transfer_id) REFERENCES public.channels_app_calltransfer(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_callcourse
    ADD CONSTRAINT channels_app_callcou_workspace_id_aa5c4cae_fk_workspace FOREIGN KEY (workspace_id) REFERENCES public.workspaces_workspace(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_callrecording
    ADD CONSTRAINT channels_app_callrec_call_id_6f9a98fa_fk_channels_ FOREIGN KEY (call_id) REFERENCES public.channels_app_call(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_callrecording
    ADD CONSTRAINT channels_app_callrec_connection_id_a1d762bd_fk_channels_ FOREIGN KEY (connection_id) REFERENCES public.channels_app_connection(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_callrecording
    ADD CONSTRAINT channels_app_callrec_file_id_b644de77_fk_deploymen FOREIGN KEY (file_id) REFERENCES public.deployments_file(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_callrecording
    ADD CONSTRAINT channels_app_callrec_workspace_id_596a619b_fk_workspace FOREIGN KEY (workspace_id) REFERENCES public.workspaces_workspace(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_callspeech
    ADD CONSTRAINT channels_app_callspe_call_id_7f5647a6_fk_channels_ FOREIGN KEY (call_id) REFERENCES public.channels_app_call(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_callspeech
    ADD CONSTRAINT channels_app_callspe_message_id_97daaf8f_fk_deploymen FOREIGN KEY (message_id) REFERENCES public.deployments_message(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_callspeech
    ADD CONSTRAINT channels_app_callspe_turn_id_76178b83_fk_channels_ FOREIGN KEY (turn_id) REFERENCES public.channels_app_callturn(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_callspeech
    ADD CONSTRAINT channels_app_callspe_workspace_id_7a0c76a4_fk_workspace FOREIGN KEY (workspace_id) REFERENCES public.workspaces_workspace(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_callstep
    ADD CONSTRAINT channels_app_callste_workspace_id_e05483e7_fk_workspace FOREIGN KEY (workspace_id) REFERENCES public.workspaces_workspace(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_callstep
    ADD CONSTRAINT channels_app_callstep_call_id_23f50850_fk_channels_app_call_id FOREIGN KEY (call_id) REFERENCES public.channels_app_call(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_calltransfer
    ADD CONSTRAINT channels_app_calltra_call_id_870258b0_fk_channels_ FOREIGN KEY (call_id) REFERENCES public.channels_app_call(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_calltransfer
    ADD CONSTRAINT channels_app_calltra_handoff_id_4a78c578_fk_deploymen FOREIGN KEY (handoff_id) REFERENCES public.deployments_handoff(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_calltransfer
    ADD CONSTRAINT channels_app_calltra_member_id_f559030c_fk_workspace FOREIGN KEY (member_id) REFERENCES public.workspaces_user(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_calltransfer
    ADD CONSTRAINT channels_app_calltra_workspace_id_3f32beca_fk_workspace FOREIGN KEY (workspace_id) REFERENCES public.workspaces_workspace(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_callturn
    ADD CONSTRAINT channels_app_calltur_message_id_dd643254_fk_deploymen FOREIGN KEY (message_id) REFERENCES public.deployments_message(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_callturn
    ADD CONSTRAINT channels_app_calltur_workspace_id_ddc85f7c_fk_workspace FOREIGN KEY (workspace_id) REFERENCES public.workspaces_workspace(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_callturn
    ADD CONSTRAINT channels_app_callturn_call_id_8476d3b6_fk_channels_app_call_id FOREIGN KEY (call_id) REFERENCES public.channels_app_call(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_connection
    ADD CONSTRAINT channels_app_connect_assistant_id_8f71e0a1_fk_deploymen FOREIGN KEY (assistant_id) REFERENCES public.deployments_assistant(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_connectionsecret
    ADD CONSTRAINT channels_app_connect_connection_id_f98a5350_fk_channels_ FOREIGN KEY (connection_id) REFERENCES public.channels_app_connection(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_connection
    ADD CONSTRAINT channels_app_connect_created_by_id_cd55423d_fk_workspace FOREIGN KEY (created_by_id) REFERENCES public.workspaces_user(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_connection
    ADD CONSTRAINT channels_app_connect_workspace_id_156c1f88_fk_workspace FOREIGN KEY (workspace_id) REFERENCES public.workspaces_workspace(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_connectionsecret
    ADD CONSTRAINT channels_app_connect_workspace_id_b8c8d7eb_fk_workspace FOREIGN KEY (workspace_id) REFERENCES public.workspaces_workspace(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_consent
    ADD CONSTRAINT channels_app_consent_connection_id_231824b8_fk_channels_ FOREIGN KEY (connection_id) REFERENCES public.channels_app_connection(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_consentchange
    ADD CONSTRAINT channels_app_consent_consent_id_4590434a_fk_channels_ FOREIGN KEY (consent_id) REFERENCES public.channels_app_consent(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_consentchange
    ADD CONSTRAINT channels_app_consent_workspace_id_9959a740_fk_workspace FOREIGN KEY (workspace_id) REFERENCES public.workspaces_workspace(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_consent
    ADD CONSTRAINT channels_app_consent_workspace_id_d46bba89_fk_workspace FOREIGN KEY (workspace_id) REFERENCES public.workspaces_workspace(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_conversationlink
    ADD CONSTRAINT channels_app_convers_connection_id_c564e489_fk_channels_ FOREIGN KEY (connection_id) REFERENCES public.channels_app_connection(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_conversationlink
    ADD CONSTRAINT channels_app_convers_conversation_id_c63e9cb6_fk_deploymen FOREIGN KEY (conversation_id) REFERENCES public.deployments_conversation(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_conversationlink
    ADD CONSTRAINT channels_app_convers_workspace_id_78e8a288_fk_workspace FOREIGN KEY (workspace_id) REFERENCES public.workspaces_workspace(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_delivery
    ADD CONSTRAINT channels_app_deliver_connection_id_64e15928_fk_channels_ FOREIGN KEY (connection_id) REFERENCES public.channels_app_connection(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_delivery
    ADD CONSTRAINT channels_app_deliver_conversation_id_62d68457_fk_deploymen FOREIGN KEY (conversation_id) REFERENCES public.deployments_conversation(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_deliveryattempt
    ADD CONSTRAINT channels_app_deliver_delivery_id_9ac7a4c2_fk_channels_ FOREIGN KEY (delivery_id) REFERENCES public.channels_app_delivery(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_delivery
    ADD CONSTRAINT channels_app_deliver_message_id_e3061c48_fk_deploymen FOREIGN KEY (message_id) REFERENCES public.deployments_message(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_deliveryattempt
    ADD CONSTRAINT channels_app_deliver_workspace_id_a59aa0bb_fk_workspace FOREIGN KEY (workspace_id) REFERENCES public.workspaces_workspace(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_delivery
    ADD CONSTRAINT channels_app_deliver_workspace_id_aedab8a7_fk_workspace FOREIGN KEY (workspace_id) REFERENCES public.workspaces_workspace(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_deskcase
    ADD CONSTRAINT channels_app_deskcas_connection_id_5fba6522_fk_channels_ FOREIGN KEY (connection_id) REFERENCES public.channels_app_connection(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_deskcase
    ADD CONSTRAINT channels_app_deskcas_conversation_id_5269cbbe_fk_deploymen FOREIGN KEY (conversation_id) REFERENCES public.deployments_conversation(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_deskcase
    ADD CONSTRAINT channels_app_deskcas_handoff_id_d6e93992_fk_deploymen FOREIGN KEY (handoff_id) REFERENCES public.deployments_handoff(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_deskcase
    ADD CONSTRAINT channels_app_deskcas_workspace_id_6ab8fa86_fk_workspace FOREIGN KEY (workspace_id) REFERENCES public.workspaces_workspace(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_inboundevent
    ADD CONSTRAINT channels_app_inbound_connection_id_579c4230_fk_channels_ FOREIGN KEY (connection_id) REFERENCES public.channels_app_connection(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_inboundmedia
    ADD CONSTRAINT channels_app_inbound_connection_id_9586d87e_fk_channels_ FOREIGN KEY (connection_id) REFERENCES public.channels_app_connection(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_inboundevent
    ADD CONSTRAINT channels_app_inbound_conversation_id_9a284265_fk_deploymen FOREIGN KEY (conversation_id) REFERENCES public.deployments_conversation(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_inboundmedia
    ADD CONSTRAINT channels_app_inbound_conversation_id_a7216665_fk_deploymen FOREIGN KEY (conversation_id) REFERENCES public.deployments_conversation(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_inboundevent
    ADD CONSTRAINT channels_app_inbound_delivery_id_c23a85ee_fk_channels_ FOREIGN KEY (delivery_id) REFERENCES public.channels_app_delivery(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_inboundmedia
    ADD CONSTRAINT channels_app_inbound_file_id_de0ccdc7_fk_deploymen FOREIGN KEY (file_id) REFERENCES public.deployments_file(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_inboundmedia
    ADD CONSTRAINT channels_app_inbound_message_id_42b4857e_fk_deploymen FOREIGN KEY (message_id) REFERENCES public.deployments_message(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_inboundevent
    ADD CONSTRAINT channels_app_inbound_message_id_daf62dbf_fk_deploymen FOREIGN KEY (message_id) REFERENCES public.deployments_message(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_inboundevent
    ADD CONSTRAINT channels_app_inbound_workspace_id_611901c9_fk_workspace FOREIGN KEY (workspace_id) REFERENCES public.workspaces_workspace(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_inboundmedia
    ADD CONSTRAINT channels_app_inbound_workspace_id_ce1f5dcb_fk_workspace FOREIGN KEY (workspace_id) REFERENCES public.workspaces_workspace(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_interactivecontent
    ADD CONSTRAINT channels_app_interac_connection_id_df3bd561_fk_channels_ FOREIGN KEY (connection_id) REFERENCES public.channels_app_connection(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_interactivecontent
    ADD CONSTRAINT channels_app_interac_workspace_id_4a2ad6d3_fk_workspace FOREIGN KEY (workspace_id) REFERENCES public.workspaces_workspace(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_membertelephone
    ADD CONSTRAINT channels_app_membert_member_id_f08c3c53_fk_workspace FOREIGN KEY (member_id) REFERENCES public.workspaces_user(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_membertelephone
    ADD CONSTRAINT channels_app_membert_workspace_id_ab892f91_fk_workspace FOREIGN KEY (workspace_id) REFERENCES public.workspaces_workspace(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_messagetemplate
    ADD CONSTRAINT channels_app_message_connection_id_0b18742a_fk_channels_ FOREIGN KEY (connection_id) REFERENCES public.channels_app_connection(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_messagetemplate
    ADD CONSTRAINT channels_app_message_workspace_id_4c6b4cfc_fk_workspace FOREIGN KEY (workspace_id) REFERENCES public.workspaces_workspace(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_recordingpart
    ADD CONSTRAINT channels_app_recordi_recording_id_58ce9b93_fk_channels_ FOREIGN KEY (recording_id) REFERENCES public.channels_app_callrecording(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_recordingpart
    ADD CONSTRAINT channels_app_recordi_workspace_id_34671a86_fk_workspace FOREIGN KEY (workspace_id) REFERENCES public.workspaces_workspace(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_refusedrequest
    ADD CONSTRAINT channels_app_refused_connection_id_d55a120b_fk_channels_ FOREIGN KEY (connection_id) REFERENCES public.channels_app_connection(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_refusedrequest
    ADD CONSTRAINT channels_app_refused_workspace_id_3a3c1a19_fk_workspace FOREIGN KEY (workspace_id) REFERENCES public.workspaces_workspace(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_rehearsal
    ADD CONSTRAINT channels_app_rehears_connection_id_714684e7_fk_channels_ FOREIGN KEY (connection_id) REFERENCES public.channels_app_connection(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_rehearsalline
    ADD CONSTRAINT channels_app_rehears_connection_id_91c1a205_fk_channels_ FOREIGN KEY (connection_id) REFERENCES public.channels_app_connection(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_rehearsalcall
    ADD CONSTRAINT channels_app_rehears_connection_id_9ff5633d_fk_channels_ FOREIGN KEY (connection_id) REFERENCES public.channels_app_connection(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_rehearsalpicture
    ADD CONSTRAINT channels_app_rehears_connection_id_b736d7bc_fk_channels_ FOREIGN KEY (connection_id) REFERENCES public.channels_app_connection(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_rehearsalline
    ADD CONSTRAINT channels_app_rehears_delivery_id_7864df82_fk_channels_ FOREIGN KEY (delivery_id) REFERENCES public.channels_app_delivery(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_rehearsalline
    ADD CONSTRAINT channels_app_rehears_workspace_id_0c5fe730_fk_workspace FOREIGN KEY (workspace_id) REFERENCES public.workspaces_workspace(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_rehearsal
    ADD CONSTRAINT channels_app_rehears_workspace_id_26769027_fk_workspace FOREIGN KEY (workspace_id) REFERENCES public.workspaces_workspace(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_rehearsalcall
    ADD CONSTRAINT channels_app_rehears_workspace_id_4d0c8493_fk_workspace FOREIGN KEY (workspace_id) REFERENCES public.workspaces_workspace(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_rehearsalpicture
    ADD CONSTRAINT channels_app_rehears_workspace_id_e2bedff3_fk_workspace FOREIGN KEY (workspace_id) REFERENCES public.workspaces_workspace(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_relayticket
    ADD CONSTRAINT channels_app_relayti_call_id_7dba444e_fk_channels_ FOREIGN KEY (call_id) REFERENCES public.channels_app_call(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_relayticket
    ADD CONSTRAINT channels_app_relayti_workspace_id_85143e84_fk_workspace FOREIGN KEY (workspace_id) REFERENCES public.workspaces_workspace(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_servicewindow
    ADD CONSTRAINT channels_app_service_connection_id_2c2bef71_fk_channels_ FOREIGN KEY (connection_id) REFERENCES public.channels_app_connection(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_servicewindow
    ADD CONSTRAINT channels_app_service_workspace_id_abdd71d3_fk_workspace FOREIGN KEY (workspace_id) REFERENCES public.workspaces_workspace(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_spendingcount
    ADD CONSTRAINT channels_app_spendin_connection_id_9d7f8d11_fk_channels_ FOREIGN KEY (connection_id) REFERENCES public.channels_app_connection(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_spendingcount
    ADD CONSTRAINT channels_app_spendin_workspace_id_834fc66d_fk_workspace FOREIGN KEY (workspace_id) REFERENCES public.workspaces_workspace(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_templatesync
    ADD CONSTRAINT channels_app_templat_connection_id_7cdd1b8a_fk_channels_ FOREIGN KEY (connection_id) REFERENCES public.channels_app_connection(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.channels_app_templatesync
    ADD CONSTRAINT channels_app_templat_workspace_id_ff395be2_fk_workspace FOREIGN KEY (workspace_id) REFERENCES public.workspaces_workspace(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_addresskey
    ADD CONSTRAINT deployments_addressk_workspace_id_f3f6d325_fk_workspace FOREIGN KEY (workspace_id) REFERENCES public.workspaces_workspace(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_assistantversion
    ADD CONSTRAINT deployments_assistan_assistant_id_1629efe3_fk_deploymen FOREIGN KEY (assistant_id) REFERENCES public.deployments_assistant(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_assistantversion
    ADD CONSTRAINT deployments_assistan_published_by_id_81bde062_fk_workspace FOREIGN KEY (published_by_id) REFERENCES public.workspaces_user(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_assistant
    ADD CONSTRAINT deployments_assistan_published_id_926685bc_fk_deploymen FOREIGN KEY (published_id) REFERENCES public.deployments_assistantversion(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_assistant
    ADD CONSTRAINT deployments_assistan_workspace_id_a177d0bc_fk_workspace FOREIGN KEY (workspace_id) REFERENCES public.workspaces_workspace(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_assistantversion
    ADD CONSTRAINT deployments_assistan_workspace_id_dfb637fe_fk_workspace FOREIGN KEY (workspace_id) REFERENCES public.workspaces_workspace(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_budget
    ADD CONSTRAINT deployments_budget_deployment_id_1fb04d74_fk_deploymen FOREIGN KEY (deployment_id) REFERENCES public.deployments_deployment(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_budget
    ADD CONSTRAINT deployments_budget_workspace_id_6e53f17d_fk_workspace FOREIGN KEY (workspace_id) REFERENCES public.workspaces_workspace(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_budgetcount
    ADD CONSTRAINT deployments_budgetco_budget_id_63cc78db_fk_deploymen FOREIGN KEY (budget_id) REFERENCES public.deployments_budget(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_budgetcount
    ADD CONSTRAINT deployments_budgetco_workspace_id_5fa27651_fk_workspace FOREIGN KEY (workspace_id) REFERENCES public.workspaces_workspace(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_budgetnotice
    ADD CONSTRAINT deployments_budgetno_budget_id_c0a58670_fk_deploymen FOREIGN KEY (budget_id) REFERENCES public.deployments_budget(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_budgetnotice
    ADD CONSTRAINT deployments_budgetno_health_id_6ecaa61a_fk_deploymen FOREIGN KEY (health_id) REFERENCES public.deployments_responderhealth(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_budgetnotice
    ADD CONSTRAINT deployments_budgetno_workspace_id_1b640aea_fk_workspace FOREIGN KEY (workspace_id) REFERENCES public.workspaces_workspace(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_cannedreply
    ADD CONSTRAINT deployments_cannedre_workspace_id_8b0c2a19_fk_workspace FOREIGN KEY (workspace_id) REFERENCES public.workspaces_workspace(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_conversation
    ADD CONSTRAINT deployments_conversa_assigned_to_id_d0078ba1_fk_workspace FOREIGN KEY (assigned_to_id) REFERENCES public.workspaces_user(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_conversation
    ADD CONSTRAINT deployments_conversa_assistant_id_f98fa0de_fk_deploymen FOREIGN KEY (assistant_id) REFERENCES public.deployments_assistant(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_conversationtag
    ADD CONSTRAINT deployments_conversa_conversation_id_a9b13558_fk_deploymen FOREIGN KEY (conversation_id) REFERENCES public.deployments_conversation(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_conversation
    ADD CONSTRAINT deployments_conversa_deployment_id_86326bbc_fk_deploymen FOREIGN KEY (deployment_id) REFERENCES public.deployments_deployment(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_conversation
    ADD CONSTRAINT deployments_conversa_person_id_15bb06e6_fk_deploymen FOREIGN KEY (person_id) REFERENCES public.deployments_person(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_conversation
    ADD CONSTRAINT deployments_conversa_rollout_id_45811b6f_fk_deploymen FOREIGN KEY (rollout_id) REFERENCES public.deployments_rollout(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_conversationtag
    ADD CONSTRAINT deployments_conversa_tag_id_5b74c076_fk_deploymen FOREIGN KEY (tag_id) REFERENCES public.deployments_tag(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_conversation
    ADD CONSTRAINT deployments_conversa_version_id_15cab927_fk_deploymen FOREIGN KEY (version_id) REFERENCES public.deployments_assistantversion(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_conversationtag
    ADD CONSTRAINT deployments_conversa_workspace_id_1b8aa04c_fk_workspace FOREIGN KEY (workspace_id) REFERENCES public.workspaces_workspace(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_conversation
    ADD CONSTRAINT deployments_conversa_workspace_id_90a2c784_fk_workspace FOREIGN KEY (workspace_id) REFERENCES public.workspaces_workspace(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_deployment
    ADD CONSTRAINT deployments_deployme_assistant_id_18cd5147_fk_deploymen FOREIGN KEY (assistant_id) REFERENCES public.deployments_assistant(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_deployment
    ADD CONSTRAINT deployments_deployme_created_by_id_1847e519_fk_workspace FOREIGN KEY (created_by_id) REFERENCES public.workspaces_user(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_deploymenttoken
    ADD CONSTRAINT deployments_deployme_deployment_id_33bb3283_fk_deploymen FOREIGN KEY (deployment_id) REFERENCES public.deployments_deployment(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_deploymenttoken
    ADD CONSTRAINT deployments_deployme_workspace_id_609122e5_fk_workspace FOREIGN KEY (workspace_id) REFERENCES public.workspaces_workspace(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_deployment
    ADD CONSTRAINT deployments_deployme_workspace_id_90b97962_fk_workspace FOREIGN KEY (workspace_id) REFERENCES public.workspaces_workspace(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_file
    ADD CONSTRAINT deployments_file_author_user_id_684c62c0_fk_workspaces_user_id FOREIGN KEY (author_user_id) REFERENCES public.workspaces_user(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_file
    ADD CONSTRAINT deployments_file_conversation_id_78845afa_fk_deploymen FOREIGN KEY (conversation_id) REFERENCES public.deployments_conversation(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_file
    ADD CONSTRAINT deployments_file_message_id_11eedecd_fk_deployments_message_id FOREIGN KEY (message_id) REFERENCES public.deployments_message(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_file
    ADD CONSTRAINT deployments_file_workspace_id_2da39580_fk_workspace FOREIGN KEY (workspace_id) REFERENCES public.workspaces_workspace(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_handoff
    ADD CONSTRAINT deployments_handoff_conversation_id_dbe02a53_fk_deploymen FOREIGN KEY (conversation_id) REFERENCES public.deployments_conversation(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_handoff
    ADD CONSTRAINT deployments_handoff_holder_id_2d01d7f7_fk_workspaces_user_id FOREIGN KEY (holder_id) REFERENCES public.workspaces_user(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_handoff
    ADD CONSTRAINT deployments_handoff_workspace_id_fae3f619_fk_workspace FOREIGN KEY (workspace_id) REFERENCES public.workspaces_workspace(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_identitysecret
    ADD CONSTRAINT deployments_identity_deployment_id_efdd3893_fk_deploymen FOREIGN KEY (deployment_id) REFERENCES public.deployments_deployment(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_identity
    ADD CONSTRAINT deployments_identity_person_id_c192e2c1_fk_deploymen FOREIGN KEY (person_id) REFERENCES public.deployments_person(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_identity
    ADD CONSTRAINT deployments_identity_workspace_id_ed290ff4_fk_workspace FOREIGN KEY (workspace_id) REFERENCES public.workspaces_workspace(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_identitysecret
    ADD CONSTRAINT deployments_identity_workspace_id_f6fb90a4_fk_workspace FOREIGN KEY (workspace_id) REFERENCES public.workspaces_workspace(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_knowledgeembedding
    ADD CONSTRAINT deployments_knowledg_assistant_id_11d17eb3_fk_deploymen FOREIGN KEY (assistant_id) REFERENCES public.deployments_assistant(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_knowledgevocabulary
    ADD CONSTRAINT deployments_knowledg_assistant_id_4f7a4f14_fk_deploymen FOREIGN KEY (assistant_id) REFERENCES public.deployments_assistant(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_knowledgesource
    ADD CONSTRAINT deployments_knowledg_assistant_id_5d9c1b32_fk_deploymen FOREIGN KEY (assistant_id) REFERENCES public.deployments_assistant(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_knowledgechunk
    ADD CONSTRAINT deployments_knowledg_assistant_id_fd5aafbb_fk_deploymen FOREIGN KEY (assistant_id) REFERENCES public.deployments_assistant(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_knowledgechunk
    ADD CONSTRAINT deployments_knowledg_page_id_f0edd0c2_fk_deploymen FOREIGN KEY (page_id) REFERENCES public.deployments_knowledgepage(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_knowledgepage
    ADD CONSTRAINT deployments_knowledg_source_id_6397da61_fk_deploymen FOREIGN KEY (source_id) REFERENCES public.deployments_knowledgesource(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_knowledgeupload
    ADD CONSTRAINT deployments_knowledg_source_id_9d06f882_fk_deploymen FOREIGN KEY (source_id) REFERENCES public.deployments_knowledgesource(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_knowledgechunk
    ADD CONSTRAINT deployments_knowledg_workspace_id_0f58b152_fk_workspace FOREIGN KEY (workspace_id) REFERENCES public.workspaces_workspace(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_knowledgepage
    ADD CONSTRAINT deployments_knowledg_workspace_id_13f489e9_fk_workspace FOREIGN KEY (workspace_id) REFERENCES public.workspaces_workspace(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_knowledgevocabulary
    ADD CONSTRAINT deployments_knowledg_workspace_id_93a71811_fk_workspace FOREIGN KEY (workspace_id) REFERENCES public.workspaces_workspace(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_knowledgeupload
    ADD CONSTRAINT deployments_knowledg_workspace_id_9be3e934_fk_workspace FOREIGN KEY (workspace_id) REFERENCES public.workspaces_workspace(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_knowledgeembedding
    ADD CONSTRAINT deployments_knowledg_workspace_id_ab0436cf_fk_workspace FOREIGN KEY (workspace_id) REFERENCES public.workspaces_workspace(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_knowledgesource
    ADD CONSTRAINT deployments_knowledg_workspace_id_ee6c5267_fk_workspace FOREIGN KEY (workspace_id) REFERENCES public.workspaces_workspace(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_mention
    ADD CONSTRAINT deployments_mention_note_id_aae57d6b_fk_deployments_note_id FOREIGN KEY (note_id) REFERENCES public.deployments_note(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_mention
    ADD CONSTRAINT deployments_mention_user_id_f692474e_fk_workspaces_user_id FOREIGN KEY (user_id) REFERENCES public.workspaces_user(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_mention
    ADD CONSTRAINT deployments_mention_workspace_id_a3aa6e8e_fk_workspace FOREIGN KEY (workspace_id) REFERENCES public.workspaces_workspace(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_message
    ADD CONSTRAINT deployments_message_author_user_id_6c3a65f7_fk_workspace FOREIGN KEY (author_user_id) REFERENCES public.workspaces_user(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_message
    ADD CONSTRAINT deployments_message_conversation_id_ff26ae78_fk_deploymen FOREIGN KEY (conversation_id) REFERENCES public.deployments_conversation(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_message
    ADD CONSTRAINT deployments_message_workspace_id_856cbe29_fk_workspace FOREIGN KEY (workspace_id) REFERENCES public.workspaces_workspace(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_modelprice
    ADD CONSTRAINT deployments_modelpri_workspace_id_40d66014_fk_workspace FOREIGN KEY (workspace_id) REFERENCES public.workspaces_workspace(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_note
    ADD CONSTRAINT deployments_note_author_id_fe7dbd06_fk_workspaces_user_id FOREIGN KEY (author_id) REFERENCES public.workspaces_user(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_note
    ADD CONSTRAINT deployments_note_conversation_id_5cb3c484_fk_deploymen FOREIGN KEY (conversation_id) REFERENCES public.deployments_conversation(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_note
    ADD CONSTRAINT deployments_note_workspace_id_fa9a0338_fk_workspace FOREIGN KEY (workspace_id) REFERENCES public.workspaces_workspace(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_person
    ADD CONSTRAINT deployments_person_merged_into_id_ea7e5693_fk_deploymen FOREIGN KEY (merged_into_id) REFERENCES public.deployments_person(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_person
    ADD CONSTRAINT deployments_person_workspace_id_db20fe86_fk_workspace FOREIGN KEY (workspace_id) REFERENCES public.workspaces_workspace(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_personfield
    ADD CONSTRAINT deployments_personfi_workspace_id_e88f5b26_fk_workspace FOREIGN KEY (workspace_id) REFERENCES public.workspaces_workspace(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_personmerge
    ADD CONSTRAINT deployments_personme_kept_id_7506c108_fk_deploymen FOREIGN KEY (kept_id) REFERENCES public.deployments_person(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_personmerge
    ADD CONSTRAINT deployments_personme_merged_id_a05f6840_fk_deploymen FOREIGN KEY (merged_id) REFERENCES public.deployments_person(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_personmerge
    ADD CONSTRAINT deployments_personme_workspace_id_1e806463_fk_workspace FOREIGN KEY (workspace_id) REFERENCES public.workspaces_workspace(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_personnote
    ADD CONSTRAINT deployments_personno_person_id_490d77b8_fk_deploymen FOREIGN KEY (person_id) REFERENCES public.deployments_person(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_personnote
    ADD CONSTRAINT deployments_personno_workspace_id_271afa5d_fk_workspace FOREIGN KEY (workspace_id) REFERENCES public.workspaces_workspace(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_personnote
    ADD CONSTRAINT deployments_personnote_author_id_8d476eb2_fk_workspaces_user_id FOREIGN KEY (author_id) REFERENCES public.workspaces_user(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_previewtoken
    ADD CONSTRAINT deployments_previewt_conversation_id_a8050d8b_fk_deploymen FOREIGN KEY (conversation_id) REFERENCES public.deployments_conversation(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_previewtoken
    ADD CONSTRAINT deployments_previewt_deployment_id_f5b0ceb7_fk_deploymen FOREIGN KEY (deployment_id) REFERENCES public.deployments_deployment(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_previewtoken
    ADD CONSTRAINT deployments_previewt_made_by_id_4cf3d7cf_fk_workspace FOREIGN KEY (made_by_id) REFERENCES public.workspaces_user(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_previewtoken
    ADD CONSTRAINT deployments_previewt_made_by_key_id_3a7a099b_fk_workspace FOREIGN KEY (made_by_key_id) REFERENCES public.workspaces_apikey(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_previewtoken
    ADD CONSTRAINT deployments_previewt_workspace_id_614f7071_fk_workspace FOREIGN KEY (workspace_id) REFERENCES public.workspaces_workspace(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_refusedorigin
    ADD CONSTRAINT deployments_refusedo_deployment_id_7d1a87e6_fk_deploymen FOREIGN KEY (deployment_id) REFERENCES public.deployments_deployment(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_refusedorigin
    ADD CONSTRAINT deployments_refusedo_workspace_id_1fb232b2_fk_workspace FOREIGN KEY (workspace_id) REFERENCES public.workspaces_workspace(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_replymail
    ADD CONSTRAINT deployments_replymai_conversation_id_b318545f_fk_deploymen FOREIGN KEY (conversation_id) REFERENCES public.deployments_conversation(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_replymail
    ADD CONSTRAINT deployments_replymai_workspace_id_93e364fd_fk_workspace FOREIGN KEY (workspace_id) REFERENCES public.workspaces_workspace(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_responderhealth
    ADD CONSTRAINT deployments_responde_assistant_id_d536961e_fk_deploymen FOREIGN KEY (assistant_id) REFERENCES public.deployments_assistant(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_responderhealth
    ADD CONSTRAINT deployments_responde_workspace_id_6e028fb8_fk_workspace FOREIGN KEY (workspace_id) REFERENCES public.workspaces_workspace(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_rollout
    ADD CONSTRAINT deployments_rollout_base_version_id_4c64d2d7_fk_deploymen FOREIGN KEY (base_version_id) REFERENCES public.deployments_assistantversion(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_rollout
    ADD CONSTRAINT deployments_rollout_deployment_id_93ab5745_fk_deploymen FOREIGN KEY (deployment_id) REFERENCES public.deployments_deployment(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_rollout
    ADD CONSTRAINT deployments_rollout_ended_by_id_5254d5f9_fk_workspaces_user_id FOREIGN KEY (ended_by_id) REFERENCES public.workspaces_user(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_rollout
    ADD CONSTRAINT deployments_rollout_replaced_version_id_22448b05_fk_deploymen FOREIGN KEY (replaced_version_id) REFERENCES public.deployments_assistantversion(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_rollout
    ADD CONSTRAINT deployments_rollout_started_by_id_e549ec25_fk_workspace FOREIGN KEY (started_by_id) REFERENCES public.workspaces_user(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_rollout
    ADD CONSTRAINT deployments_rollout_version_id_7d773a6d_fk_deploymen FOREIGN KEY (version_id) REFERENCES public.deployments_assistantversion(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_rollout
    ADD CONSTRAINT deployments_rollout_workspace_id_b8b5627f_fk_workspace FOREIGN KEY (workspace_id) REFERENCES public.workspaces_workspace(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_savedview
    ADD CONSTRAINT deployments_savedvie_workspace_id_08a30eac_fk_workspace FOREIGN KEY (workspace_id) REFERENCES public.workspaces_workspace(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_savedview
    ADD CONSTRAINT deployments_savedview_maker_id_a02de605_fk_workspaces_user_id FOREIGN KEY (maker_id) REFERENCES public.workspaces_user(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_sessiontoken
    ADD CONSTRAINT deployments_sessiont_session_id_71575230_fk_deploymen FOREIGN KEY (session_id) REFERENCES public.deployments_visitorsession(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_sessiontoken
    ADD CONSTRAINT deployments_sessiont_workspace_id_6bd2c85b_fk_workspace FOREIGN KEY (workspace_id) REFERENCES public.workspaces_workspace(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_spending
    ADD CONSTRAINT deployments_spending_deployment_id_94781784_fk_deploymen FOREIGN KEY (deployment_id) REFERENCES public.deployments_deployment(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_spending
    ADD CONSTRAINT deployments_spending_workspace_id_ebaf1022_fk_workspace FOREIGN KEY (workspace_id) REFERENCES public.workspaces_workspace(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_tag
    ADD CONSTRAINT deployments_tag_workspace_id_a6446571_fk_workspace FOREIGN KEY (workspace_id) REFERENCES public.workspaces_workspace(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_tokenuse
    ADD CONSTRAINT deployments_tokenuse_deployment_id_2c065c06_fk_deploymen FOREIGN KEY (deployment_id) REFERENCES public.deployments_deployment(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_tokenuse
    ADD CONSTRAINT deployments_tokenuse_token_id_e5082baf_fk_deploymen FOREIGN KEY (token_id) REFERENCES public.deployments_deploymenttoken(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_tokenuse
    ADD CONSTRAINT deployments_tokenuse_workspace_id_5e256297_fk_workspace FOREIGN KEY (workspace_id) REFERENCES public.workspaces_workspace(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_turn
    ADD CONSTRAINT deployments_turn_conversation_id_caad7a77_fk_deploymen FOREIGN KEY (conversation_id) REFERENCES public.deployments_conversation(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_turn
    ADD CONSTRAINT deployments_turn_message_id_36d4707b_fk_deployments_message_id FOREIGN KEY (message_id) REFERENCES public.deployments_message(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_turn
    ADD CONSTRAINT deployments_turn_workspace_id_913a17c0_fk_workspace FOREIGN KEY (workspace_id) REFERENCES public.workspaces_workspace(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_visitorsession
    ADD CONSTRAINT deployments_visitors_conversation_id_9b88f513_fk_deploymen FOREIGN KEY (conversation_id) REFERENCES public.deployments_conversation(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_visitorsession
    ADD CONSTRAINT deployments_visitors_deployment_id_1ac6eb31_fk_deploymen FOREIGN KEY (deployment_id) REFERENCES public.deployments_deployment(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_visitorsession
    ADD CONSTRAINT deployments_visitors_token_id_7cb78cdf_fk_deploymen FOREIGN KEY (token_id) REFERENCES public.deployments_deploymenttoken(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_visitorsession
    ADD CONSTRAINT deployments_visitors_workspace_id_53f7a42d_fk_workspace FOREIGN KEY (workspace_id) REFERENCES public.workspaces_workspace(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_webhookcallback
    ADD CONSTRAINT deployments_webhookc_turn_id_15677999_fk_deploymen FOREIGN KEY (turn_id) REFERENCES public.deployments_turn(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_webhookcallback
    ADD CONSTRAINT deployments_webhookc_workspace_id_d1ccbbec_fk_workspace FOREIGN KEY (workspace_id) REFERENCES public.workspaces_workspace(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_webhooksecret
    ADD CONSTRAINT deployments_webhooks_assistant_id_219b3a93_fk_deploymen FOREIGN KEY (assistant_id) REFERENCES public.deployments_assistant(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.deployments_webhooksecret
    ADD CONSTRAINT deployments_webhooks_workspace_id_e5580cd2_fk_workspace FOREIGN KEY (workspace_id) REFERENCES public.workspaces_workspace(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.django_admin_log
    ADD CONSTRAINT django_admin_log_content_type_id_c4bce8eb_fk_django_co FOREIGN KEY (content_type_id) REFERENCES public.django_content_type(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.django_admin_log
    ADD CONSTRAINT django_admin_log_user_id_c564eba6_fk_workspaces_user_id FOREIGN KEY (user_id) REFERENCES public.workspaces_user(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.workspaces_apikey
    ADD CONSTRAINT workspaces_apikey_created_by_id_6a61495c_fk_workspaces_user_id FOREIGN KEY (created_by_id) REFERENCES public.workspaces_user(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.workspaces_apikey
    ADD CONSTRAINT workspaces_apikey_workspace_id_2e82a07d_fk_workspace FOREIGN KEY (workspace_id) REFERENCES public.workspaces_workspace(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.workspaces_auditevent
    ADD CONSTRAINT workspaces_auditeven_workspace_id_142e9c1a_fk_workspace FOREIGN KEY (workspace_id) REFERENCES public.workspaces_workspace(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.workspaces_idempotencykey
    ADD CONSTRAINT workspaces_idempoten_workspace_id_1c51d4a1_fk_workspace FOREIGN KEY (workspace_id) REFERENCES public.workspaces_workspace(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.workspaces_membership
    ADD CONSTRAINT workspaces_membershi_workspace_id_03c7ef39_fk_workspace FOREIGN KEY (workspace_id) REFERENCES public.workspaces_workspace(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.workspaces_membership
    ADD CONSTRAINT workspaces_membership_user_id_96a9ee37_fk_workspaces_user_id FOREIGN KEY (user_id) REFERENCES public.workspaces_user(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.workspaces_secret
    ADD CONSTRAINT workspaces_secret_workspace_id_d6624904_fk_workspace FOREIGN KEY (workspace_id) REFERENCES public.workspaces_workspace(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.workspaces_secrethost
    ADD CONSTRAINT workspaces_secrethos_workspace_id_43109081_fk_workspace FOREIGN KEY (workspace_id) REFERENCES public.workspaces_workspace(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.workspaces_signinlink
    ADD CONSTRAINT workspaces_signinlink_user_id_eabbf58b_fk_workspaces_user_id FOREIGN KEY (user_id) REFERENCES public.workspaces_user(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.workspaces_user_groups
    ADD CONSTRAINT workspaces_user_groups_group_id_b23d60db_fk_auth_group_id FOREIGN KEY (group_id) REFERENCES public.auth_group(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.workspaces_user_groups
    ADD CONSTRAINT workspaces_user_groups_user_id_4ba6664c_fk_workspaces_user_id FOREIGN KEY (user_id) REFERENCES public.workspaces_user(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.workspaces_user_user_permissions
    ADD CONSTRAINT workspaces_user_user_permission_id_838e521f_fk_auth_perm FOREIGN KEY (permission_id) REFERENCES public.auth_permission(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.workspaces_user_user_permissions
    ADD CONSTRAINT workspaces_user_user_user_id_b1cea117_fk_workspace FOREIGN KEY (user_id) REFERENCES public.workspaces_user(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE public.channels_app_call ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.channels_app_callcourse ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.channels_app_callrecording ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.channels_app_callspeech ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.channels_app_callstep ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.channels_app_calltransfer ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.channels_app_callturn ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.channels_app_connection ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.channels_app_connectionsecret ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.channels_app_consent ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.channels_app_consentchange ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.channels_app_conversationlink ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.channels_app_delivery ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.channels_app_deliveryattempt ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.channels_app_deskcase ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.channels_app_inboundevent ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.channels_app_inboundmedia ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.channels_app_interactivecontent ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.channels_app_membertelephone ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.channels_app_messagetemplate ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.channels_app_recordingpart ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.channels_app_refusedrequest ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.channels_app_rehearsal ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.channels_app_rehearsalcall ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.channels_app_rehearsalline ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.channels_app_rehearsalpicture ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.channels_app_relayticket ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.channels_app_servicewindow ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.channels_app_spendingcount ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.channels_app_templatesync ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.deployments_addresskey ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.deployments_assistant ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.deployments_assistantversion ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.deployments_budget ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.deployments_budgetcount ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.deployments_budgetnotice ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.deployments_cannedreply ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.deployments_conversation ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.deployments_conversationtag ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.deployments_deployment ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.deployments_deploymenttoken ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.deployments_file ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.deployments_handoff ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.deployments_identity ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.deployments_identitysecret ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.deployments_knowledgechunk ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.deployments_knowledgeembedding ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.deployments_knowledgepage ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.deployments_knowledgesource ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.deployments_knowledgeupload ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.deployments_knowledgevocabulary ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.deployments_mention ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.deployments_message ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.deployments_modelprice ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.deployments_note ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.deployments_person ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.deployments_personfield ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.deployments_personmerge ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.deployments_personnote ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.deployments_previewtoken ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.deployments_refusedorigin ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.deployments_replymail ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.deployments_responderhealth ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.deployments_rollout ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.deployments_savedview ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.deployments_sessiontoken ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.deployments_spending ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.deployments_tag ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.deployments_tokenuse ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.deployments_turn ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.deployments_visitorsession ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.deployments_webhookcallback ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.deployments_webhooksecret ENABLE ROW LEVEL SECURITY;

CREATE POLICY owner ON public.channels_app_call TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY owner ON public.channels_app_callcourse TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY owner ON public.channels_app_callrecording TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY owner ON public.channels_app_callspeech TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY owner ON public.channels_app_callstep TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY owner ON public.channels_app_calltransfer TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY owner ON public.channels_app_callturn TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY owner ON public.channels_app_connection TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY owner ON public.channels_app_connectionsecret TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY owner ON public.channels_app_consent TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY owner ON public.channels_app_consentchange TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY owner ON public.channels_app_conversationlink TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY owner ON public.channels_app_delivery TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY owner ON public.channels_app_deliveryattempt TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY owner ON public.channels_app_deskcase TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY owner ON public.channels_app_inboundevent TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY owner ON public.channels_app_inboundmedia TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY owner ON public.channels_app_interactivecontent TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY owner ON public.channels_app_membertelephone TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY owner ON public.channels_app_messagetemplate TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY owner ON public.channels_app_recordingpart TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY owner ON public.channels_app_refusedrequest TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY owner ON public.channels_app_rehearsal TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY owner ON public.channels_app_rehearsalcall TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY owner ON public.channels_app_rehearsalline TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY owner ON public.channels_app_rehearsalpicture TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY owner ON public.channels_app_relayticket TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY owner ON public.channels_app_servicewindow TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY owner ON public.channels_app_spendingcount TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY owner ON public.channels_app_templatesync TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY owner ON public.deployments_addresskey TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY owner ON public.deployments_assistant TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY owner ON public.deployments_assistantversion TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY owner ON public.deployments_budget TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY owner ON public.deployments_budgetcount TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY owner ON public.deployments_budgetnotice TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY owner ON public.deployments_cannedreply TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY owner ON public.deployments_conversation TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY owner ON public.deployments_conversationtag TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY owner ON public.deployments_deployment TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY owner ON public.deployments_deploymenttoken TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY owner ON public.deployments_file TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY owner ON public.deployments_handoff TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY owner ON public.deployments_identity TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY owner ON public.deployments_identitysecret TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY owner ON public.deployments_knowledgechunk TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY owner ON public.deployments_knowledgeembedding TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY owner ON public.deployments_knowledgepage TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY owner ON public.deployments_knowledgesource TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY owner ON public.deployments_knowledgeupload TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY owner ON public.deployments_knowledgevocabulary TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY owner ON public.deployments_mention TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY owner ON public.deployments_message TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY owner ON public.deployments_modelprice TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY owner ON public.deployments_note TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY owner ON public.deployments_person TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY owner ON public.deployments_personfield TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY owner ON public.deployments_personmerge TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY owner ON public.deployments_personnote TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY owner ON public.deployments_previewtoken TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY owner ON public.deployments_refusedorigin TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY owner ON public.deployments_replymail TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY owner ON public.deployments_responderhealth TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY owner ON public.deployments_rollout TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY owner ON public.deployments_savedview TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY owner ON public.deployments_sessiontoken TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY owner ON public.deployments_spending TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY owner ON public.deployments_tag TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY owner ON public.deployments_tokenuse TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY owner ON public.deployments_turn TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY owner ON public.deployments_visitorsession TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY owner ON public.deployments_webhookcallback TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY owner ON public.deployments_webhooksecret TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY owner ON public.workspaces_apikey TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY owner ON public.workspaces_auditevent TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY owner ON public.workspaces_idempotencykey TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY owner ON public.workspaces_membership TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY owner ON public.workspaces_secret TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY owner ON public.workspaces_secrethost TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY owner ON public.workspaces_workspace TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE POLICY tenant ON public.channels_app_call USING ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant ON public.channels_app_callcourse USING ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant ON public.channels_app_callrecording USING ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant ON public.channels_app_callspeech USING ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant ON public.channels_app_callstep USING ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant ON public.channels_app_calltransfer USING ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant ON public.channels_app_callturn USING ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant ON public.channels_app_connection USING ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant ON public.channels_app_connectionsecret USING ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant ON public.channels_app_consent USING ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant ON public.channels_app_consentchange USING ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant ON public.channels_app_conversationlink USING ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant ON public.channels_app_delivery USING ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant ON public.channels_app_deliveryattempt USING ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant ON public.channels_app_deskcase USING ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant ON public.channels_app_inboundevent USING ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant ON public.channels_app_inboundmedia USING ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant ON public.channels_app_interactivecontent USING ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant ON public.channels_app_membertelephone USING ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant ON public.channels_app_messagetemplate USING ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant ON public.channels_app_recordingpart USING ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant ON public.channels_app_refusedrequest USING ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant ON public.channels_app_rehearsal USING ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant ON public.channels_app_rehearsalcall USING ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant ON public.channels_app_rehearsalline USING ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant ON public.channels_app_rehearsalpicture USING ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant ON public.channels_app_relayticket USING ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant ON public.channels_app_servicewindow USING ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant ON public.channels_app_spendingcount USING ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant ON public.channels_app_templatesync USING ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant ON public.deployments_addresskey USING ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant ON public.deployments_assistant USING ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant ON public.deployments_assistantversion USING ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant ON public.deployments_budget USING ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant ON public.deployments_budgetcount USING ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant ON public.deployments_budgetnotice USING ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant ON public.deployments_cannedreply USING ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant ON public.deployments_conversation USING ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant ON public.deployments_conversationtag USING ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant ON public.deployments_deployment USING ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant ON public.deployments_deploymenttoken USING ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant ON public.deployments_file USING ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant ON public.deployments_handoff USING ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant ON public.deployments_identity USING ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant ON public.deployments_identitysecret USING ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant ON public.deployments_knowledgechunk USING ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant ON public.deployments_knowledgeembedding USING ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant ON public.deployments_knowledgepage USING ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant ON public.deployments_knowledgesource USING ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant ON public.deployments_knowledgeupload USING ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant ON public.deployments_knowledgevocabulary USING ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant ON public.deployments_mention USING ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant ON public.deployments_message USING ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant ON public.deployments_modelprice USING ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant ON public.deployments_note USING ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant ON public.deployments_person USING ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant ON public.deployments_personfield USING ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant ON public.deployments_personmerge USING ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant ON public.deployments_personnote USING ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant ON public.deployments_previewtoken USING ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant ON public.deployments_refusedorigin USING ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant ON public.deployments_replymail USING ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant ON public.deployments_responderhealth USING ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant ON public.deployments_rollout USING ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant ON public.deployments_savedview USING ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant ON public.deployments_sessiontoken USING ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant ON public.deployments_spending USING ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant ON public.deployments_tag USING ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant ON public.deployments_tokenuse USING ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant ON public.deployments_turn USING ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant ON public.deployments_visitorsession USING ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant ON public.deployments_webhookcallback USING ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant ON public.deployments_webhooksecret USING ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant ON public.workspaces_apikey USING ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant ON public.workspaces_auditevent USING ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant ON public.workspaces_idempotencykey USING ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant ON public.workspaces_membership USING ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant ON public.workspaces_secret USING ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant ON public.workspaces_secrethost USING ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

CREATE POLICY tenant ON public.workspaces_workspace USING ((id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)) WITH CHECK ((id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid));

ALTER TABLE public.workspaces_apikey ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.workspaces_auditevent ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.workspaces_idempotencykey ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.workspaces_membership ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.workspaces_secret ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.workspaces_secrethost ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.workspaces_workspace ENABLE ROW LEVEL SECURITY;

REVOKE ALL ON FUNCTION public.all_workspaces() FROM PUBLIC;

REVOKE ALL ON FUNCTION public.channel_backlog() FROM PUBLIC;

REVOKE ALL ON FUNCTION public.due_answers(p_limit integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.due_budget_notices(p_limit integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.due_call_courses(p_limit integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.due_callbacks(p_limit integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.due_channel_work(p_limit integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.due_desk_cases(p_limit integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.due_embeddings(p_limit integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.due_erasures(p_limit integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.due_files(p_limit integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.due_knowledge(p_limit integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.due_member_mails(p_limit integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.due_mentions(p_limit integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.due_reply_mails(p_limit integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.due_steps(p_limit integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.due_work(p_limit integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.locate_reply_mail(p_mail uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.locate_session(p_session uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.pulse(p_sessions uuid[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.resolve_api_key(p_digest bytea) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.resolve_callback(p_digest bytea) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.resolve_connection(p_connection uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.resolve_continuation(p_digest bytea) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.resolve_preview(p_digest bytea) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.resolve_session(p_digest bytea) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.resolve_token(p_digest bytea) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.search_conversations(p_text text, p_before timestamp with time zone, p_before_id uuid, p_limit integer, p_look integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.staff_workspaces(p_staff uuid, p_query text, p_limit integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.workspaces_of(p_user uuid) FROM PUBLIC;
